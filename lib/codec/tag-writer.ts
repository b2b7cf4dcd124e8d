import { UnserializableValueError } from '../core/errors.js';
import { describeValue, valueKind } from '../core/value-kind.js';
import type { ClassReference, ClassRegistry, RegisteredClass } from './class-registry.js';
import { cureFor, isPendingLazyRelation, isShared } from './cures.js';
import { besideContent, unspeakable } from './own-properties.js';
import { MAX_BIGINT_DIGITS, MAX_HOLES, TAGS, type Tag } from './tags.js';
import { formatPath, type PathSegment } from './value-path.js';

/** Deeper than this is a structure without end, or a walk without stack. */
const MAX_DEPTH = 500;
/**
 * What one value may come to, in characters, where each part counts as {@link PART_SIZE} beside its text, and an object as four parts. An object is written once for each place in
 * which it is: forty lists, each of which has the one before it twice, would be written a billion times a thousand.
 */
const MAX_SIZE = 2 ** 28;
const PART_SIZE = 2 ** 6;
const BIGINT_BOUND = 10n ** BigInt(MAX_BIGINT_DIGITS);

/** The step to a part of an object, as long as it is the object itself that is looked at. */
const ITSELF: PathSegment = { label: '' };

/** Stands for an instance's own class, where that is a property `constructor` of the instance. */
const OWN_CONSTRUCTOR = { $constructor: true };

/**
 * Makes a value fit for JSON in one walk. What JSON can say already is returned as it is, not copied, so that plain values cost the walk and nothing else;
 * everything else becomes `{"$Type": data}`. A plain object that looks like that gets one `$` more. One writer serves one value.
 */
export class TagWriter {
  /** True once something was written that the reader has to bring back. */
  tagged = false;

  private depth = 0;
  private size = 0;
  private holes = 0;
  private readonly ancestors: object[] = [];
  private readonly path: PathSegment[] = [];

  constructor(private readonly classes: ClassRegistry) {}

  /** Where the walk is, or was when it failed. */
  get place(): string {
    return formatPath(this.path.slice(0, this.depth));
  }

  lower(value: unknown): unknown {
    this.spend(PART_SIZE, value);
    switch (typeof value) {
      case 'string':
        this.spend(value.length, value);
        return value;
      case 'boolean':
        return value;
      case 'number':
        return Number.isFinite(value) && !Object.is(value, -0) ? value : this.tag('number', value);
      case 'bigint':
        return this.bigint(value);
      case 'undefined':
        return this.tag('undefined', value);
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
    this.spend(3 * PART_SIZE, value);
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
    this.ancestors[this.depth] = value;
    this.path[this.depth++] = ITSELF;
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
    if (kind !== undefined && TAGS.has(kind) && !isShared(value)) return this.builtIn(kind, value);
    throw this.refuse(value, cureFor(value));
  }

  private plain(value: Record<string, unknown>): unknown {
    const keys = Object.keys(value);
    const [first] = keys;
    const isBare = Object.getPrototypeOf(value) === null;
    // JSON.stringify would call an inherited or hidden toJSON; in a copy there is none.
    const lowered = this.record(value, keys, isBare || typeof value['toJSON'] === 'function' ? {} : undefined);
    if (isBare) return this.tagWith('null', lowered);
    return keys.length === 1 && first?.startsWith('$') ? this.tagWith(first, lowered[first]) : lowered;
  }

  private instance(value: Record<string, unknown>, registered: RegisteredClass): unknown {
    const { privateMember, storedName, target } = registered;
    if (privateMember !== undefined)
      throw this.refuse(value, `It has ${privateMember}, which nobody can read from outside. Cache a plain object.`);
    const keys = Object.keys(value).filter((key) => !isPendingLazyRelation(key, value[key]));
    return this.tagWith('class', [storedName, this.record(value, keys, {}, target)]);
  }

  /**
   * The object itself as long as nothing in it needs a tag, else a copy; `copy` given means a copy in any case.
   *
   * @param owner the class of an instance, which may be a property `constructor` of it
   */
  private record(
    source: Record<string, unknown>,
    keys: string[],
    copy: Record<string, unknown> | undefined,
    owner?: ClassReference,
  ): Record<string, unknown> {
    const own = Reflect.ownKeys(source);
    if (own.length !== keys.length) this.refuseUnspeakable(source, own);
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as string;
      this.path[this.depth - 1] = key;
      const child = source[key];
      const lowered =
        owner !== undefined && key === 'constructor' ? this.ownConstructor(child, owner) : this.lower(child);
      if (copy === undefined && lowered !== child) {
        copy = {};
        for (const earlier of keys.slice(0, index)) setOwn(copy, earlier, source[earlier]);
      }
      if (copy !== undefined) setOwn(copy, key, lowered);
    }
    return copy ?? source;
  }

  private ownConstructor(child: unknown, owner: ClassReference): unknown {
    if (child === owner) return OWN_CONSTRUCTOR;
    if (typeof child !== 'function') return this.lower(child);
    throw this.refuse(
      child,
      `It is not the ${owner.name} that is registered, but one that shares its prototype, as a clone with other settings does. Register that one instead, or convert the value.`,
    );
  }

  private array(value: unknown[]): unknown {
    const { length } = value;
    // Before its keys are listed.
    if (this.size + length * PART_SIZE > MAX_SIZE) throw this.tooLarge(value);
    const own = Reflect.ownKeys(value);
    // Indices come first, in order, and then `length`.
    const filled = own[length] === 'length' ? length : own.indexOf('length');
    if (own.length > filled + 1) this.refuseBeside(value, own.slice(filled + 1));
    if (filled === length) return this.items(value);
    if ((this.holes += length - filled) > MAX_HOLES)
      throw this.refuse(value, `It has more than ${MAX_HOLES} holes. Use a Map.`);
    return this.tag('SparseArray', value);
  }

  private items(value: unknown[]): unknown[] {
    let copy: unknown[] | undefined = typeof (value as { toJSON?: unknown }).toJSON === 'function' ? [] : undefined;
    for (let index = 0; index < value.length; index++) {
      this.path[this.depth - 1] = index;
      const lowered = this.lower(value[index]);
      if (copy === undefined && lowered !== value[index]) copy = value.slice(0, index);
      copy?.push(lowered);
    }
    return copy ?? value;
  }

  private bigint(value: bigint): unknown {
    if (value >= BIGINT_BOUND || value <= -BIGINT_BOUND)
      throw this.refuse(value, `It has more than ${MAX_BIGINT_DIGITS} digits. Cache it as bytes.`);
    return this.tag('bigint', value);
  }

  private builtIn(kind: string, value: object): unknown {
    const beside = besideContent(kind, value);
    if (beside !== undefined)
      throw this.refuse(value, `It has ${beside}, which would be lost. Put both into an object.`);
    return this.tag(kind, value);
  }

  private tag(name: string, value: unknown): unknown {
    const data = (TAGS.get(name) as Tag).write(value as never, (child, label) => {
      this.path[this.depth - 1] = { label };
      return this.lower(child);
    });
    if (typeof data === 'string') this.spend(data.length, value);
    return this.tagWith(name, data);
  }

  private tagWith(name: string, data: unknown): unknown {
    this.tagged = true;
    return { [`$${name}`]: data };
  }

  private spend(size: number, value: unknown): void {
    this.size += size;
    if (this.size > MAX_SIZE) throw this.tooLarge(value);
  }

  private tooLarge(value: unknown): UnserializableValueError {
    return this.refuse(
      value,
      `With it the value has more than ${MAX_SIZE} characters, or ${MAX_SIZE / PART_SIZE} parts. An object in several places counts in each of them. Cache less at once.`,
    );
  }

  private refuseBeside(value: unknown[], more: readonly PropertyKey[]): void {
    const named = more.find((key) => typeof key === 'string' && Object.prototype.propertyIsEnumerable.call(value, key));
    if (named !== undefined)
      throw this.refuse(
        value,
        `It has a property "${String(named)}" beside its items, which JSON cannot say. Put both into an object.`,
      );
    this.refuseUnspeakable(value, more);
  }

  private refuseUnspeakable(source: object, keys: readonly PropertyKey[]): void {
    const key = unspeakable(source, keys);
    if (key === undefined) return;
    this.path[this.depth - 1] = typeof key === 'symbol' ? { label: `[${String(key)}]` } : String(key);
    if (typeof key === 'symbol') throw this.refuse(key, 'Use texts as names of properties.');
    throw this.error('is a hidden property (not enumerable)', 'Make it enumerable, or leave it out.');
  }

  private refuse(value: unknown, cure: string): UnserializableValueError {
    return this.error(`is ${describeValue(value)}`, cure);
  }

  private error(what: string, cure: string): UnserializableValueError {
    return new UnserializableValueError(`${this.place} ${what} and cannot be cached. ${cure}`);
  }
}

/** Plain assignment to `__proto__` would change the copy's prototype instead of giving it a property. */
function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
  else target[key] = value;
}
