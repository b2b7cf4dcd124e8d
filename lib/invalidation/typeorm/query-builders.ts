import type { TypeOrmDataSource, TypeOrmEntityMetadata } from '../../codec/typeorm-types.js';
import type { QueryRunnerSlice } from './typeorm-events.js';

/** The slice of a query builder that is read, or replaced, here; the same in 0.3 and 1.x but for what says so. */
export interface QueryBuilderSlice {
  /** Its data source, as 1.x calls it. */
  readonly dataSource?: object;
  /** Its data source, as 0.3 calls it. */
  readonly connection?: object;
  /** Undefined: it takes one of its own, and commits by itself. */
  readonly queryRunner?: QueryRunnerSlice | undefined;
  readonly expressionMap: {
    readonly mainAlias?: { readonly hasMetadata: boolean; readonly metadata: TypeOrmEntityMetadata } | undefined;
    readonly valuesSet?: object | readonly object[] | undefined;
    readonly callListeners: boolean;
    /** The settings of an upsert. */
    readonly onUpdate?: { readonly conflict?: string | readonly string[] } | undefined;
    /** The text of an upsert, in 0.3. */
    readonly onConflict?: string;
    /** In 1.x: the rows come from a query. */
    readonly insertFromSelect?: unknown;
  };
  execute(): Promise<unknown>;
}

type Factory = (from: unknown) => QueryBuilderSlice;

/** The class from which all query builders of one copy of TypeORM come, and where it registers who makes them. */
interface QueryBuilderClass {
  readonly queryBuilderRegistry: Record<string, Factory>;
}

/** The builders that write, and what their statements do. */
export const WRITERS = {
  InsertQueryBuilder: 'insert',
  UpdateQueryBuilder: 'update',
  DeleteQueryBuilder: 'remove',
  SoftDeleteQueryBuilder: 'soft-remove',
} as const;

export type WriterName = keyof typeof WRITERS;

/** Is shown each builder that writes, when it is made. */
export type BuilderListener = (builder: QueryBuilderSlice, name: WriterName) => void;

interface Registration {
  readonly listeners: Set<BuilderListener>;
  readonly originals: Map<WriterName, Factory>;
}

const registrations = new WeakMap<QueryBuilderClass, Registration>();

/**
 * Shows the listener every writing query builder of the copy of TypeORM that a data source comes from, through TypeORM's own register of query builder classes. The register is shared by all that use this copy: it is changed once, and put back when the last listener leaves. Undefined for
 * something that has no such register.
 */
export function listenToBuilders(dataSource: TypeOrmDataSource, listener: BuilderListener): (() => void) | undefined {
  const builders = classOf(dataSource);
  if (builders === undefined) return undefined;
  const registration = registrations.get(builders) ?? register(builders);
  registration.listeners.add(listener);
  return () => {
    registration.listeners.delete(listener);
    if (registration.listeners.size > 0 || registrations.get(builders) !== registration) return;
    for (const [name, original] of registration.originals) builders.queryBuilderRegistry[name] = original;
    registrations.delete(builders);
  };
}

function register(builders: QueryBuilderClass): Registration {
  const registration: Registration = { listeners: new Set(), originals: new Map() };
  for (const name of Object.keys(WRITERS) as WriterName[]) {
    const original = builders.queryBuilderRegistry[name];
    if (original === undefined) continue;
    registration.originals.set(name, original);
    builders.queryBuilderRegistry[name] = (from) => {
      const builder = original(from);
      for (const listener of registration.listeners) listener(builder, name);
      return builder;
    };
  }
  registrations.set(builders, registration);
  return registration;
}

function classOf(dataSource: TypeOrmDataSource): QueryBuilderClass | undefined {
  const { createQueryBuilder } = dataSource as { createQueryBuilder?: () => object };
  if (typeof createQueryBuilder !== 'function') return undefined;
  let prototype: unknown = Object.getPrototypeOf(createQueryBuilder.call(dataSource));
  while (typeof prototype === 'object' && prototype !== null) {
    const { constructor } = prototype;
    if (Object.hasOwn(constructor, 'queryBuilderRegistry')) return constructor as unknown as QueryBuilderClass;
    prototype = Object.getPrototypeOf(prototype);
  }
  return undefined;
}
