import { InvalidKeyError } from './errors.js';
import { classNameOf, describeValue, valueKind } from './value-kind.js';

/** Deeper than this is a mistake rather than a key. */
const MAX_DEPTH = 100;

const BARE_TEXT = /^[\w.\-/@]+$/;

/** Writes one part of a key; see `encodeKey` for what comes out. Every form begins differently and ends where its first character says, so none can be mistaken. */
export class KeyWriter {
  private readonly ancestors: object[] = [];

  constructor(private readonly partIndex: number) {}

  write(value: unknown): string {
    switch (typeof value) {
      case 'string':
        return text(value);
      case 'number':
        return Object.is(value, -0) ? '#-0' : `#${value}`;
      case 'bigint':
        return `#${value}n`;
      case 'boolean':
      case 'undefined':
        return `#${value}`;
      case 'object':
        return value === null ? '#null' : this.nested(value);
      default:
        throw this.refuse(value, 'Pass a text or a number that names it.');
    }
  }

  private nested(value: object): string {
    if (this.ancestors.includes(value))
      throw this.refuse(value, 'It contains itself: pass what identifies it, such as its id.');
    if (this.ancestors.length === MAX_DEPTH)
      throw this.refuse(value, `It is nested deeper than ${MAX_DEPTH} levels: pass what identifies it.`);
    this.ancestors.push(value);
    const written = this.object(value);
    this.ancestors.pop();
    return written;
  }

  private object(value: object): string {
    const kind = valueKind(value);
    switch (kind) {
      case 'plain':
        return `(${this.record(value)})`;
      case 'Array':
        return this.array(value as unknown[]);
      case 'Map':
        return `Map(${sorted(Array.from(value as Map<unknown, unknown>, ([key, item]) => `${this.write(key)}=${this.write(item)}`))})`;
      case 'Set':
        return `Set(${sorted(Array.from(value as Set<unknown>, (item) => this.write(item)))})`;
      case 'Date':
        return Number.isNaN((value as Date).getTime()) ? 'Date(#NaN)' : `Date(${(value as Date).toISOString()})`;
      case 'URL':
        return `URL(${quoted((value as URL).href)})`;
      case 'RegExp':
        return `RegExp(${quoted((value as RegExp).source)},${quoted((value as RegExp).flags)})`;
      case undefined:
        throw this.refuse(value, cureFor(value));
      default:
        return `${kind}(${bytesOf(value as ArrayBuffer | ArrayBufferView).toString('hex')})`;
    }
  }

  /** A symbol's identity cannot be told to another process, so it is refused instead of left out. */
  private record(value: object): string {
    const symbol = Object.getOwnPropertySymbols(value).find((key) =>
      Object.prototype.propertyIsEnumerable.call(value, key),
    );
    if (symbol !== undefined) throw this.refuse(symbol, 'Use texts as names of properties.');
    return sorted(Object.entries(value).map(([key, item]) => `${text(key)}=${this.write(item)}`));
  }

  private array(value: unknown[]): string {
    if (!isDense(value)) throw this.refuse(value, 'It has holes or named properties: pass a list without them.');
    return `[${value.map((item) => this.write(item)).join(',')}]`;
  }

  private refuse(value: unknown, cure: string): InvalidKeyError {
    const inside = this.ancestors.length > 0 && this.ancestors[0] !== value;
    const where = `Part ${this.partIndex + 1} of the key ${inside ? 'contains' : 'is'}`;
    return new InvalidKeyError(`${where} ${describeValue(value)}, which has no clear identity. ${cure}`);
  }
}

/** Indices come first and in order among an object's keys, so the last one tells whether all are there and nothing else is. */
function isDense(list: unknown[]): boolean {
  const keys = Object.keys(list);
  return keys.length === list.length && (list.length === 0 || keys.at(-1) === String(list.length - 1));
}

function text(value: string): string {
  return BARE_TEXT.test(value) ? value : quoted(value);
}

/** `JSON.stringify` writes a lone surrogate as an escape; braces follow suit, because Redis Cluster reads them. */
function quoted(value: string): string {
  return JSON.stringify(value).replaceAll('{', '\\u007b').replaceAll('}', '\\u007d');
}

/** Sorted by code unit: independent of the locale, and each entry ends where its own form says. */
function sorted(entries: string[]): string {
  return entries.sort().join(',');
}

function bytesOf(value: ArrayBuffer | ArrayBufferView): Buffer {
  return ArrayBuffer.isView(value) ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : Buffer.from(value);
}

function cureFor(value: object): string {
  if (typeof (value as { then?: unknown }).then === 'function') return 'Await it first.';
  const name = classNameOf(value);
  return `Pass what identifies it${name === '' ? '' : ` (a ${name}'s id, say)`}, or a plain object.`;
}
