import type { TypeOrmDataSource, TypeOrmEntityMetadata } from '../../codec/typeorm-types.js';
import type { QueryRunnerSlice } from './typeorm-events.js';

/** The slice of a query builder that is read here; the same in 0.3 and 1.x but for what says so. */
export interface QueryBuilderSlice {
  /** Its data source, as 1.x calls it. */
  readonly dataSource?: object;
  /** Its data source, as 0.3 calls it. */
  readonly connection?: object;
  /** Undefined: it takes one of its own, and commits by itself. */
  readonly queryRunner?: QueryRunnerSlice | undefined;
  readonly expressionMap: {
    readonly mainAlias?: { readonly hasMetadata: boolean; readonly metadata: TypeOrmEntityMetadata } | undefined;
    readonly valuesSet?: unknown;
    readonly callListeners: boolean;
    /** The settings of an upsert. */
    readonly onUpdate?: { readonly conflict?: string | readonly string[] } | undefined;
    /** The text of an upsert, in 0.3. */
    readonly onConflict?: string;
    /** Rows that are there already are left as they are. */
    readonly onIgnore?: unknown;
    /** In 1.x: the rows come from a query. */
    readonly insertFromSelect?: unknown;
  };
}

/** The builders that write, and what their statements do. */
export const WRITERS = {
  InsertQueryBuilder: 'insert',
  UpdateQueryBuilder: 'update',
  DeleteQueryBuilder: 'remove',
  SoftDeleteQueryBuilder: 'soft-remove',
} as const;

export type WriterName = keyof typeof WRITERS;

/** Hears of each statement of a writing builder. Must not throw, nor reject. */
export interface BuilderListener {
  executes(builder: QueryBuilderSlice, name: WriterName): void;
  /** The promise of the statement waits for this one. */
  executed(builder: QueryBuilderSlice, name: WriterName, failed: boolean): Promise<void>;
}

type Execute = (this: QueryBuilderSlice) => Promise<unknown>;
interface Writer {
  execute: Execute;
}

interface Wrapped {
  readonly listeners: Set<BuilderListener>;
  readonly original: Execute;
  readonly wrapped: Execute;
}

const wrappers = new WeakMap<Writer, Wrapped>();

/**
 * Lets the listener hear of every statement that is written by query builders of the copy of TypeORM that a data source comes from, by clones of them and by those that were made before: `execute` of their classes is wrapped, once for all who listen, and put back
 * when the last of them leaves. Undefined for something that has no such builders: MongoDB.
 */
export function listenToBuilders(dataSource: TypeOrmDataSource, listener: BuilderListener): (() => void) | undefined {
  const writers = writersOf(dataSource);
  if (writers === undefined) return undefined;
  const leave = writers.map(([name, writer]) => listen(name, writer, listener));
  return () => {
    for (const each of leave) each();
  };
}

function listen(name: WriterName, writer: Writer, listener: BuilderListener): () => void {
  const { listeners, original, wrapped } = wrappers.get(writer) ?? wrap(name, writer);
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    // Somebody else may have wrapped it since: then ours stays, and does nothing.
    if (listeners.size > 0 || writer.execute !== wrapped) return;
    replace(writer, original);
    wrappers.delete(writer);
  };
}

function wrap(name: WriterName, writer: Writer): Wrapped {
  const listeners = new Set<BuilderListener>();
  const original = writer.execute;
  const wrapped: Execute = async function () {
    const told = [...listeners];
    for (const each of told) each.executes(this, name);
    let failed = true;
    try {
      const result = await original.call(this);
      failed = false;
      return result;
    } finally {
      for (const each of told) await each.executed(this, name, failed);
    }
  };
  replace(writer, wrapped);
  const made = { listeners, original, wrapped };
  wrappers.set(writer, made);
  return made;
}

function replace(writer: Writer, execute: Execute): void {
  Object.defineProperty(writer, 'execute', { value: execute, enumerable: false, configurable: true, writable: true });
}

function writersOf(dataSource: TypeOrmDataSource): (readonly [WriterName, Writer])[] | undefined {
  try {
    const builder = (dataSource as { createQueryBuilder?: () => object }).createQueryBuilder?.();
    const registry = builder && registryOf(builder);
    if (registry === undefined) return undefined;
    return (Object.keys(WRITERS) as WriterName[]).map((name) => [
      name,
      Object.getPrototypeOf(registry[name]?.(builder)) as Writer,
    ]);
  } catch {
    // MongoDB's says that it has none
    return undefined;
  }
}

/** Where TypeORM itself looks up who makes a builder. */
function registryOf(builder: object): Record<string, ((from: unknown) => object) | undefined> | undefined {
  let prototype: unknown = Object.getPrototypeOf(builder);
  while (typeof prototype === 'object' && prototype !== null) {
    const { queryBuilderRegistry } = prototype.constructor as { queryBuilderRegistry?: unknown };
    if (typeof queryBuilderRegistry === 'object' && queryBuilderRegistry !== null)
      return queryBuilderRegistry as ReturnType<typeof registryOf>;
    prototype = Object.getPrototypeOf(prototype);
  }
  return undefined;
}
