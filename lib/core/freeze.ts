import { valueKind } from './value-kind.js';

/** Methods that change what a frozen object keeps outside its properties; an own property of that name takes their place. */
const MUTATORS: Readonly<Record<string, readonly string[]>> = {
  Date: Object.getOwnPropertyNames(Date.prototype).filter((name) => name.startsWith('set')),
  Map: ['set', 'delete', 'clear'],
  Set: ['add', 'delete', 'clear'],
};
/** Cannot be kept from changing: bytes, a pattern's `lastIndex` (which it needs), a URL's parts. */
const UNGUARDED = /^(Buffer|ArrayBuffer|DataView|\w+Array|RegExp|URL)$/;

/** A frozen value. Not `shareable`: something in it can still be changed, so that each caller needs one of its own. */
export interface Frozen {
  readonly value: unknown;
  readonly shareable: boolean;
}

/**
 * Freezes a decoded value all the way down, and makes the changing methods of `Date`, `Map` and `Set` throw. Who calls `Date.prototype.setTime` on it by force can still change a date. Without
 * recursion, because what lies in the store may be nested deeper than the stack.
 */
export function freezeDeep(value: unknown): Frozen {
  let shareable = true;
  const pending = [value];
  while (pending.length > 0) {
    const next = pending.pop();
    if (typeof next !== 'object' || next === null || Object.isFrozen(next)) continue;
    const kind = valueKind(next);
    if (kind !== undefined && UNGUARDED.test(kind)) {
      shareable = false;
      continue;
    }
    if (next instanceof Map) for (const entry of next) pending.push(...(entry as unknown[]));
    if (next instanceof Set) pending.push(...(next as Set<unknown>));
    for (const child of Object.values(next) as unknown[]) pending.push(child);
    for (const name of MUTATORS[kind ?? ''] ?? []) Object.defineProperty(next, name, { value: refuse });
    Object.freeze(next);
  }
  return { value, shareable };
}

function refuse(): never {
  throw new TypeError(
    "This value is frozen, because the cache was asked for share: 'frozen'. Copy it before you change it.",
  );
}
