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

/**
 * What an object is: `'plain'` for one that only carries data (`{}`, `Object.create(null)`), the name of a built-in type, or undefined for everything
 * else: instances of classes, subclasses of built-in types among them.
 *
 * Names are compared instead of constructors, because test runners and `node:vm` give one process several copies of each built-in type.
 */
export function valueKind(value: object): string | undefined {
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === null || prototype === Object.prototype || isForeignObjectPrototype(prototype)) return 'plain';
  const name = ownConstructorName(prototype);
  if (name === undefined || !BUILT_INS.has(name)) return undefined;
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

function isForeignObjectPrototype(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

function ownConstructorName(prototype: object): string | undefined {
  const constructor: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  return typeof constructor === 'function' ? constructor.name : undefined;
}
