/**
 * A value as one text, the same for deeply equal values: prototypes, `undefined` and types included. The rows of a relation have no order; those of the value itself do.
 */
export function textOf(value: unknown, names: ReadonlyMap<unknown, string>): string {
  return Array.isArray(value) ? `[${value.map((one) => textIn(one, names)).join(', ')}]` : textIn(value, names);
}

function textIn(value: unknown, names: ReadonlyMap<unknown, string>): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${String(value)}n`;
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value);
  if (value instanceof Date) return `Date ${value.toISOString()}`;
  if (value instanceof Uint8Array) return `Bytes ${Buffer.from(value).toString('hex')}`;
  if (Array.isArray(value))
    return `[${value
      .map((one) => textIn(one, names))
      .sort()
      .join(', ')}]`;
  const kind = (Object.getPrototypeOf(value) as { constructor?: { name: string } } | null)?.constructor;
  const name = names.get(kind) ?? kind?.name ?? 'null';
  const content = Object.entries(value)
    .filter(([property]) => !property.startsWith('__promise_'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([property, inner]) => `${property}: ${textIn(inner, names)}`);
  return `${name === 'Object' ? '' : `${name} `}{${content.join(', ')}}`;
}
