const LONGEST_SHOWN = 70;

/** A value in a message about a mistake: itself where it is short and simple, else its type. A text that may be a URL with credentials, or a connect string with them, is not shown. */
export function describeGiven(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'boolean' || typeof value === 'number')
    return String(value);
  if (typeof value === 'bigint') return `${String(value)}n (a bigint)`;
  if (typeof value !== 'string') return typeName(value);
  if (mayHoldCredentials(value)) return 'a text that may hold credentials (not shown)';
  return value.length <= LONGEST_SHOWN ? JSON.stringify(value) : typeName(value);
}

/** True for `user:password@host` in whatever surroundings. */
export function mayHoldCredentials(text: string): boolean {
  return /@|%40/.test(text);
}

/** What kind of value it is. */
export function typeName(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'function') return value.name === '' ? 'a function' : `the function or class ${value.name}`;
  if (typeof value !== 'object') return `a ${typeof value}`;
  const { constructor } = value as { constructor?: unknown };
  return typeof constructor === 'function' && constructor !== Object
    ? `an instance of ${constructor.name}`
    : 'an object';
}
