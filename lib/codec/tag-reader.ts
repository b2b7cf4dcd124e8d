import { CorruptEntryError, OtherShapeError } from '../core/errors.js';
import type { ClassRegistry } from './class-registry.js';
import { MAX_HOLES, TAGS } from './tags.js';

type JsonObject = Record<string, unknown>;

/** Brings back what `TagWriter` wrote, in place: the objects that `JSON.parse` made belong to nobody else. One reader serves one document. */
export class TagReader {
  private holes = 0;

  constructor(private readonly classes: ClassRegistry) {}

  readonly revive = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return this.items(value);
    const keys = Object.keys(value);
    const [first] = keys;
    return keys.length === 1 && first?.startsWith('$')
      ? this.tagged(first, (value as JsonObject)[first])
      : this.properties(value as JsonObject, keys);
  };

  private items(list: unknown[]): unknown[] {
    for (let index = 0; index < list.length; index++) {
      const child = list[index];
      if (typeof child === 'object' && child !== null) list[index] = this.revive(child);
    }
    return list;
  }

  /** Each key is an own property already, so assigning to it reaches no setter, `__proto__` included. */
  private properties(object: JsonObject, keys: string[]): JsonObject {
    for (const key of keys) {
      const child = object[key];
      if (typeof child === 'object' && child !== null) object[key] = this.revive(child);
    }
    return object;
  }

  private tagged(key: string, data: unknown): unknown {
    if (key.startsWith('$$')) return { [key.slice(1)]: this.revive(data) };
    if (key === '$class') return this.instance(data);
    if (key === '$null') return this.bare(data);
    const tag = TAGS.get(key.slice(1));
    if (tag === undefined) throw new CorruptEntryError(`The entry has a tag "${key}" that is not known here.`);
    return tag.read(data, this.revive, this.makeHoles);
  }

  private instance(pair: unknown): object {
    const [name, data] = Array.isArray(pair) && pair.length === 2 ? (pair as [unknown, unknown]) : [];
    if (typeof name !== 'string' || !isProperties(data))
      throw new CorruptEntryError('The entry has a tag "$class" without a name and properties.');
    const registered = this.classes.stored(name);
    if (registered === undefined) throw new OtherShapeError(this.classes.explainUnknown(name));
    if (hasOwnConstructor(data)) data['constructor'] = registered.target;
    return this.withPrototype(registered.prototype, data);
  }

  private bare(data: unknown): object {
    if (!isProperties(data)) throw new CorruptEntryError('The entry has a tag "$null" without properties.');
    return this.withPrototype(null, data);
  }

  /** A literal defines its properties: no setter of the class runs, and `__proto__` among the data is a property like others. */
  private withPrototype(prototype: object | null, data: JsonObject): object {
    return { __proto__: prototype, ...this.properties(data, Object.keys(data)) };
  }

  private readonly makeHoles = (count: number): void => {
    this.holes += Math.max(0, count);
    if (this.holes > MAX_HOLES)
      throw new CorruptEntryError(`The entry has lists with more than ${MAX_HOLES} holes, which are never written.`);
  };
}

function isProperties(data: unknown): data is JsonObject {
  return typeof data === 'object' && data !== null && !Array.isArray(data);
}

/** An instance that has its own class as a property `constructor`, as those of decimal.js and big.js do. */
function hasOwnConstructor(data: JsonObject): boolean {
  if (!Object.hasOwn(data, 'constructor')) return false;
  const { constructor: mark } = data as { readonly constructor: unknown };
  return isProperties(mark) && Object.keys(mark).join() === '$constructor';
}
