/**
 * Whether what `JSON.parse` has made of a text is nested deeper than `limit`. It parses any depth, but most of what is done with the value after that needs a stack frame for each level. A
 * text with no more objects and lists than that, as most are, costs next to nothing.
 */
export function isDeeperThan(limit: number, json: string, parsed: unknown): boolean {
  return json.length > 2 * limit && opensMoreThan(limit, json) && isObject(parsed) && descends(parsed, limit);
}

function opensMoreThan(limit: number, json: string): boolean {
  let left = limit;
  for (const open of ['{', '[']) {
    for (let at = json.indexOf(open); at !== -1; at = json.indexOf(open, at + 1)) if (left-- === 0) return true;
  }
  return false;
}

function descends(value: object, left: number): boolean {
  if (left === 0) return true;
  if (Array.isArray(value)) {
    for (const child of value as unknown[]) if (isObject(child) && descends(child, left - 1)) return true;
    return false;
  }
  // JSON has own properties only, and `Object.prototype` has no enumerable ones; if an application has given it some, they are looked into as well.
  for (const key in value) {
    const child = (value as Record<string, unknown>)[key];
    if (isObject(child) && descends(child, left - 1)) return true;
  }
  return false;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
