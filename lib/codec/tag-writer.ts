import { UnserializableValueError } from '../core/errors.js';
import { classNameOf, describeValue, valueKind } from '../core/value-kind.js';
import type { ClassRegistry, RegisteredClass } from './class-registry.js';
import { TAGS, type Tag } from './tags.js';
import { formatPath, type PathSegment } from './value-path.js';

/** Deeper than this is a structure without end, or a walk without stack. */
const MAX_DEPTH = 500;

/**
 * Makes a value fit for JSON in one walk. What JSON can say already is returned as it is, not copied, so that plain values cost the walk and nothing else;
 * everything else becomes `{"$Type": data}`. A plain object that looks like that gets one `$` more. One writer serves one value.
 */
export class TagWriter {
  /** True once something was written that the reader has to bring back. */
  tagged = false;

  private depth = 0;
  private readonly ancestors: object[] = [];
  private readonly path: PathSegment[] = [];

  constructor(private readonly classes: ClassRegistry) {}

  lower(value: unknown): unknown {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return value;
      case 'number':
        return Number.isFinite(value) && !Object.is(value, -0) ? value : this.tag('number', value);
      case 'bigint':
      case 'undefined':
        return this.tag(typeof value, value);
      case 'object':
        return value === null ? null : this.nested(value);
      default:
        throw this.refuse(
          value,
          typeof value === 'function' ? 'Leave it out, or cache what it returns.' : 'Use a text instead.',
        );
    }
  }

  /** A structure may contain the same object twice, but not itself; the way down is short, so a linear look beats a set. */
  private nested(value: object): unknown {
    for (let level = 0; level < this.depth; level++) {
      if (this.ancestors[level] === value) {
        throw this.refuse(
          value,
          `It contains itself (it is also ${formatPath(this.path.slice(0, level))}). Leave one side of the relation out, or cache its id.`,
        );
      }
    }
    if (this.depth === MAX_DEPTH)
      throw this.refuse(value, `It is nested deeper than ${MAX_DEPTH} levels. Cache a flatter value.`);
    this.ancestors[this.depth++] = value;
    const lowered = this.object(value);
    this.depth--;
    return lowered;
  }

  private object(value: object): unknown {
    const kind = valueKind(value);
    if (kind === 'plain') return this.plain(value as Record<string, unknown>);
    if (kind === 'Array') return this.array(value as unknown[]);
    const registered = this.classes.ofInstance(value);
    if (registered !== undefined) return this.instance(value as Record<string, unknown>, registered);
    if (kind !== undefined && TAGS.has(kind) && !isShared(value)) return this.tag(kind, value);
    throw this.refuseEntered(value, cureFor(value));
  }

  private plain(value: Record<string, unknown>): unknown {
    const keys = Object.keys(value);
    const [first] = keys;
    // JSON.stringify would call an inherited or hidden toJSON; in a copy there is none.
    const lowered = this.record(value, keys, typeof value['toJSON'] === 'function' ? {} : undefined);
    if (keys.length !== 1 || !first?.startsWith('$')) return lowered;
    this.tagged = true;
    return { [`$${first}`]: lowered[first] };
  }

  private instance(value: Record<string, unknown>, registered: RegisteredClass): unknown {
    const keys = Object.keys(value).filter((key) => !isPendingLazyRelation(key, value[key]));
    const data = this.record(value, keys, {});
    this.tagged = true;
    return { $class: [registered.storedName, data] };
  }

  /** The object itself as long as nothing in it needs a tag, else a copy; `copy` given means a copy in any case. */
  private record(
    source: Record<string, unknown>,
    keys: string[],
    copy: Record<string, unknown> | undefined,
  ): Record<string, unknown> {
    this.refuseSymbols(source);
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as string;
      const child = source[key];
      this.path[this.depth - 1] = key;
      const lowered = this.lower(child);
      if (copy === undefined && lowered !== child) {
        copy = {};
        for (const earlier of keys.slice(0, index)) setOwn(copy, earlier, source[earlier]);
      }
      if (copy !== undefined) setOwn(copy, key, lowered);
    }
    return copy ?? source;
  }

  private array(value: unknown[]): unknown {
    const keys = Object.keys(value);
    const named = keys.at(-1);
    if (named !== undefined && !isIndexOf(value, named)) {
      throw this.refuseEntered(
        value,
        `It has a property "${named}" beside its items, which JSON cannot say. Put both into an object.`,
      );
    }
    this.refuseSymbols(value);
    return keys.length === value.length ? this.items(value) : this.tag('SparseArray', value);
  }

  private items(value: unknown[]): unknown[] {
    let copy: unknown[] | undefined;
    for (let index = 0; index < value.length; index++) {
      this.path[this.depth - 1] = index;
      const lowered = this.lower(value[index]);
      if (copy === undefined && lowered !== value[index]) copy = value.slice(0, index);
      copy?.push(lowered);
    }
    return copy ?? value;
  }

  private tag(name: string, value: unknown): unknown {
    this.tagged = true;
    const data = (TAGS.get(name) as Tag).write(value as never, (child, label) => {
      this.path[this.depth - 1] = { label };
      return this.lower(child);
    });
    return { [`$${name}`]: data };
  }

  /** Properties named by a symbol would be lost without a word. */
  private refuseSymbols(source: object): void {
    for (const symbol of Object.getOwnPropertySymbols(source)) {
      if (!Object.prototype.propertyIsEnumerable.call(source, symbol)) continue;
      this.path[this.depth - 1] = { label: `[${String(symbol)}]` };
      throw this.refuse(symbol, 'Use texts as names of properties.');
    }
  }

  /** The path then names the object itself, not what was last looked at in it. */
  private refuseEntered(value: object, cure: string): UnserializableValueError {
    this.depth--;
    return this.refuse(value, cure);
  }

  private refuse(value: unknown, cure: string): UnserializableValueError {
    return new UnserializableValueError(
      `${formatPath(this.path.slice(0, this.depth))} is ${describeValue(value)} and cannot be cached. ${cure}`,
    );
  }
}

/** Plain assignment to `__proto__` would change the copy's prototype instead of giving it a property. */
function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
  else target[key] = value;
}

function isIndexOf(list: unknown[], key: string): boolean {
  const index = Number(key);
  return String(index) === key && Number.isInteger(index) && index >= 0 && index < list.length;
}

/**
 * TypeORM keeps the promise of a lazy relation that is being loaded in `__promise_<name>__`; what is not there yet is not part of the value, and stays a
 * relation that is not loaded.
 */
function isPendingLazyRelation(key: string, value: unknown): boolean {
  return key.startsWith('__promise_') && key.endsWith('__') && isThenable(value);
}

/** Memory shared with other threads has no content of its own. */
function isShared(value: object): boolean {
  return (
    ArrayBuffer.isView(value) && typeof SharedArrayBuffer === 'function' && value.buffer instanceof SharedArrayBuffer
  );
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

function cureFor(value: object): string {
  if (isThenable(value)) return 'Await it before it is returned.';
  if (typeof (value as { pipe?: unknown }).pipe === 'function')
    return 'Read the stream to its end, and cache its content.';
  if (/^Weak(Map|Set|Ref)$/.test(classNameOf(value))) return 'Its content cannot be listed; use a Map or a Set.';
  const name = classNameOf(value);
  return `Cache a plain object instead, or, if its own properties are all it has, register its class: classes: [${name === '' ? 'TheClass' : name}].`;
}
