import { isDeepStrictEqual } from 'node:util';

interface View {
  readonly buffer: ArrayBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly length: number;
}

type ViewConstructor = new (buffer: ArrayBuffer, byteOffset: number, length: number) => object;

/** Own properties that are part of a built-in type and written with it. */
const WRITTEN: Readonly<Record<string, readonly PropertyKey[]>> = { RegExp: ['lastIndex'] };
/** What a frozen value has for the methods that would change it; see `freezeDeep`. */
const GUARDED = new Set(['Date', 'Map', 'Set']);
/** A view has a key for each element; those of a larger one are not listed. */
const MAX_LISTED = 1_024;
const VIEW_GETTERS = ['buffer', 'byteOffset', 'byteLength', 'length'];

/**
 * The first of these own properties that JSON cannot say: one that is named by a symbol, and one that is hidden (not enumerable) and holds data. A hidden function or getter is no content: methods that
 * were bound, lazy relations.
 */
export function unspeakable(value: object, keys: readonly PropertyKey[]): PropertyKey | undefined {
  return keys.find((key) => {
    const property = Object.getOwnPropertyDescriptor(value, key);
    return property?.enumerable === true ? typeof key === 'symbol' : holdsData(property);
  });
}

/** What a built-in object has beside its content, for a message: what such an object is written as has no room for it. */
export function besideContent(kind: string, value: object): string | undefined {
  if (ArrayBuffer.isView(value) && kind !== 'DataView') return besideElements(kind, value as unknown as View);
  return named(
    Reflect.ownKeys(value).find((key) => WRITTEN[kind]?.includes(key) !== true && !isGuard(kind, value, key)),
  );
}

function besideElements(kind: string, view: View): string | undefined {
  const key = [...VIEW_GETTERS, ...Object.getOwnPropertySymbols(view)].find((own) => Object.hasOwn(view, own));
  if (key !== undefined) return named(key);
  if (view.length <= MAX_LISTED) return named(Reflect.ownKeys(view)[view.length]);
  return isItsElements(kind, view) ? undefined : 'properties beside its elements';
}

function named(key: PropertyKey | undefined): string | undefined {
  if (key === undefined) return undefined;
  return `a property ${typeof key === 'symbol' ? String(key) : JSON.stringify(key)} of its own`;
}

function isGuard(kind: string, value: object, key: PropertyKey): boolean {
  const property = Object.getOwnPropertyDescriptor(value, key);
  return GUARDED.has(kind) && property?.enumerable !== true && !holdsData(property);
}

/** A second view of the same memory has nothing else. Hidden properties are not found. */
function isItsElements(kind: string, view: View): boolean {
  const { buffer, byteLength, byteOffset, length } = view;
  if (kind === 'Buffer') return isDeepStrictEqual(view, Buffer.from(buffer, byteOffset, byteLength));
  const Kind = (Object.getPrototypeOf(view) as { readonly constructor: ViewConstructor }).constructor;
  return isDeepStrictEqual(view, new Kind(buffer, byteOffset, length));
}

function holdsData(property: PropertyDescriptor | undefined): boolean {
  return property !== undefined && 'value' in property && typeof property.value !== 'function';
}
