import { CorruptEntryError } from '../core/errors.js';

/** How one built-in type is written as JSON, and read back. `lower` and `revive` take care of what it contains. Own properties of a value stand for nothing here: they are checked before. */
export interface Tag {
  write(value: never, lower: (child: unknown, label: string) => unknown): unknown;
  /** @param makeHoles throws when a document has too many of them */
  read(data: unknown, revive: (child: unknown) => unknown, makeHoles: (count: number) => void): unknown;
}

interface BytesView {
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly byteLength: number;
}

type ViewConstructor = (new (buffer: ArrayBuffer) => unknown) & { readonly BYTES_PER_ELEMENT?: number };

/** PostgreSQL's `numeric` has no longer whole part. To read and write the digits of a longer one takes ever more time. */
export const MAX_BIGINT_DIGITS = 131_072;
/** In all lists of a value together: 30 bytes in a store could ask for a list of gigabytes. */
export const MAX_HOLES = 100_000;

const NUMBERS: Readonly<Record<string, number>> = { NaN, Infinity, '-Infinity': -Infinity, '-0': -0 };

const undefinedTag: Tag = {
  write: () => true,
  read: () => undefined,
};

const numberTag: Tag = {
  write: (value: number) => (Object.is(value, -0) ? '-0' : String(value)),
  read: (data) => (typeof data === 'string' && Object.hasOwn(NUMBERS, data) ? NUMBERS[data] : refuse('number', data)),
};

const bigintTag: Tag = {
  write: (value: bigint) => String(value),
  read: (data) =>
    typeof data === 'string' && data.length <= MAX_BIGINT_DIGITS + 1 && /^-?\d+$/.test(data)
      ? BigInt(data)
      : refuse('bigint', data),
};

const dateTag: Tag = {
  write: (value: Date) =>
    Number.isNaN(Date.prototype.getTime.call(value)) ? null : Date.prototype.toISOString.call(value),
  read: (data) => {
    if (data === null) return new Date(NaN);
    const date = new Date(typeof data === 'string' ? data : NaN);
    return Number.isNaN(date.getTime()) ? refuse('Date', data) : date;
  },
};

const mapTag: Tag = {
  write: (value: Map<unknown, unknown>, lower) =>
    Array.from(Map.prototype.entries.call(value) as IterableIterator<[unknown, unknown]>, ([key, item], index) => [
      lower(key, `<key ${index}>`),
      lower(item, `<entry ${index}>`),
    ]),
  read: (data, revive) =>
    new Map(
      list('Map', data).map((entry) => {
        const [key, item, ...rest] = list('Map', entry);
        return rest.length > 0 || (entry as unknown[]).length !== 2 ? refuse('Map', data) : [revive(key), revive(item)];
      }),
    ),
};

const setTag: Tag = {
  write: (value: Set<unknown>, lower) =>
    Array.from(Set.prototype.values.call(value) as IterableIterator<unknown>, (item, index) =>
      lower(item, `<entry ${index}>`),
    ),
  read: (data, revive) => new Set(list('Set', data).map(revive)),
};

const regExpTag: Tag = {
  write: (value: RegExp, lower) => [value.source, value.flags, lower(value.lastIndex, '.lastIndex')],
  read: (data, revive) => {
    const [source, flags, lastIndex, ...rest] = list('RegExp', data);
    if (typeof source !== 'string' || typeof flags !== 'string' || lastIndex === undefined || rest.length > 0)
      return refuse('RegExp', data);
    const pattern = new RegExp(source, flags);
    // A number as a rule, but it may be anything.
    pattern.lastIndex = revive(lastIndex) as number;
    return pattern;
  },
};

const urlTag: Tag = {
  write: (value: URL) => value.href,
  read: (data) => (typeof data === 'string' ? new URL(data) : refuse('URL', data)),
};

const bufferTag: Tag = {
  write: (value: BytesView) => base64(value),
  read: (data) => bytes('Buffer', data),
};

const arrayBufferTag: Tag = {
  write: (value: ArrayBuffer) => Buffer.from(value).toString('base64'),
  read: (data) => ownBuffer(bytes('ArrayBuffer', data)),
};

/** Lists with holes keep them: `[length, [index, item], …]`. */
const sparseArrayTag: Tag = {
  write: (value: unknown[], lower) => [
    value.length,
    ...indicesOf(value).map((index) => [index, lower(value[index], `[${index}]`)]),
  ],
  read: (data, revive, makeHoles) => {
    const [length, ...entries] = list('SparseArray', data);
    const array: unknown[] = [];
    if (!isIndex(length)) return refuse('SparseArray', data);
    makeHoles(length - entries.length);
    array.length = length;
    for (const entry of entries) {
      const [index, item] = list('SparseArray', entry);
      if (!isIndex(index) || index >= length) return refuse('SparseArray', data);
      array[index] = revive(item);
    }
    return array;
  },
};

/** Elements keep the byte order of the machine, which is the same (little-endian) on every machine Node commonly runs on. */
function viewTag(name: string, View: ViewConstructor): Tag {
  return {
    write: (value: BytesView) => base64(value),
    read: (data) => {
      const content = bytes(name, data);
      return content.byteLength % (View.BYTES_PER_ELEMENT ?? 1) === 0
        ? new View(ownBuffer(content))
        : refuse(name, data);
    },
  };
}

const VIEW_NAMES = [
  'DataView',
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
]
  .concat(['BigInt64Array', 'BigUint64Array', 'Float16Array', 'Float32Array', 'Float64Array'])
  .filter((name) => name in globalThis);

/** Every tag by its name, which for objects is the `valueKind` of what it stands for. */
export const TAGS: ReadonlyMap<string, Tag> = new Map<string, Tag>([
  ['undefined', undefinedTag],
  ['number', numberTag],
  ['bigint', bigintTag],
  ['Date', dateTag],
  ['Map', mapTag],
  ['Set', setTag],
  ['RegExp', regExpTag],
  ['URL', urlTag],
  ['Buffer', bufferTag],
  ['ArrayBuffer', arrayBufferTag],
  ['SparseArray', sparseArrayTag],
  ...VIEW_NAMES.map((name): [string, Tag] => [
    name,
    viewTag(name, (globalThis as unknown as Record<string, ViewConstructor>)[name] as ViewConstructor),
  ]),
]);

function base64(view: BytesView): string {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('base64');
}

/** `Buffer.from` skips what is not base64, which would give half a value: only text it would write itself is accepted. */
function bytes(name: string, data: unknown): Buffer {
  if (typeof data !== 'string') return refuse(name, data);
  const content = Buffer.from(data, 'base64');
  return content.toString('base64') === data ? content : refuse(name, data);
}

/** Small Buffers share one pool; a view of elements needs memory that is its own and aligned. */
function ownBuffer(content: Buffer): ArrayBuffer {
  const own = new ArrayBuffer(content.byteLength);
  content.copy(new Uint8Array(own));
  return own;
}

/** Of the items that are there, hidden ones too; they come before everything else that a list has. */
function indicesOf(value: unknown[]): number[] {
  const keys = Reflect.ownKeys(value);
  return keys.slice(0, keys.indexOf('length')).map(Number);
}

function list(name: string, data: unknown): unknown[] {
  return Array.isArray(data) ? data : refuse(name, data);
}

function isIndex(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32;
}

function refuse(name: string, data: unknown): never {
  throw new CorruptEntryError(
    `The entry has a tag "$${name}" with data that no ${name} is written as (${JSON.stringify(data).slice(0, 60)}).`,
  );
}
