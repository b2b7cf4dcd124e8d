/** Built-in types whose content says all there is to say about them. */
const BUILT_INS = new Set([
  'Array',
  'Date',
  'Map',
  'Set',
  'RegExp',
  'URL',
  'Buffer',
  'ArrayBuffer',
  'DataView',
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'BigInt64Array',
  'BigUint64Array',
  'Float16Array',
  'Float32Array',
  'Float64Array',
]);

/** The prototypes of this realm's. */
const KINDS = new Map(
  [...BUILT_INS].flatMap((name): [object, string][] => {
    const builtIn = (globalThis as Readonly<Record<string, unknown>>)[name];
    return typeof builtIn === 'function' ? [[builtIn.prototype as object, name]] : [];
  }),
);

/**
 * What an object is: `'plain'` for one that only carries data (`{}`, `Object.create(null)`), the name of a built-in type, or undefined for everything
 * else: instances of classes, subclasses of built-in types among them.
 *
 * The language's own types are known by name in other realms, because test runners and `node:vm` give one process several copies of each.
 */
export function valueKind(value: object): string | undefined {
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === null || prototype === Object.prototype) return 'plain';
  const name = KINDS.get(prototype) ?? foreignKind(prototype);
  if (name === undefined || name === 'plain') return name;
  const brand = Object.prototype.toString.call(value).slice(8, -1);
  return brand === name || (name === 'Buffer' && brand === 'Uint8Array') ? name : undefined;
}

/** Reads a value's type for a message: `a Foo`, `a function`, `an object without a class`. */
export function describeValue(value: unknown): string {
  if (typeof value === 'function')
    return /^class\b/.test(Function.prototype.toString.call(value)) ? `the class ${value.name}` : 'a function';
  if (typeof value !== 'object' || value === null) return `a ${typeof value}`;
  const name = classNameOf(value);
  return name === '' ? 'an object of a class without a name' : `${/^[aeio]/i.test(name) ? 'an' : 'a'} ${name}`;
}

/** The name of the class an object is an instance of; empty when the class has none. */
export function classNameOf(value: object): string {
  const { constructor } = value;
  return typeof constructor === 'function' ? constructor.name : '';
}

/** True for what the engine itself has implemented: the types of the language, in every realm. */
export function isNative(constructor: unknown): boolean {
  return (
    typeof constructor === 'function' && Function.prototype.toString.call(constructor).endsWith('{ [native code] }')
  );
}

/** A class of the application may have the name of a built-in type, and may extend it. */
function foreignKind(prototype: object): string | undefined {
  const constructor: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  if (typeof constructor !== 'function') return undefined;
  const isRoot = constructor.name === 'Object' && Object.getPrototypeOf(prototype) === null;
  if (!isRoot && !BUILT_INS.has(constructor.name)) return undefined;
  if (!isNative(constructor)) return undefined;
  return isRoot ? 'plain' : constructor.name;
}
