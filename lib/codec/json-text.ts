/**
 * As `JSON.stringify`, without ever calling a `toJSON`: an application may have given one to the prototype of all lists or objects, and it would change what is written.
 *
 * @param value of null, booleans, finite numbers, strings, lists and plain objects
 */
export function jsonText(value: unknown): string {
  return typeof (Array.prototype as { toJSON?: unknown }).toJSON === 'function' ? spell(value) : JSON.stringify(value);
}

function spell(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(spell).join(',')}]`;
  return `{${Object.entries(value)
    .map(([key, child]) => `${JSON.stringify(key)}:${spell(child)}`)
    .join(',')}}`;
}
