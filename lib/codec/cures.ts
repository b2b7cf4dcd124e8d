import { classNameOf } from '../core/value-kind.js';
import { builtInAncestor, privateMember } from './class-state.js';

/** What to do with an object that cannot be cached. */
export function cureFor(value: object): string {
  if (isThenable(value)) return 'Await it before it is returned.';
  if (typeof (value as { pipe?: unknown }).pipe === 'function')
    return 'Read the stream to its end, and cache its content.';
  const name = classNameOf(value);
  if (/^Weak(Map|Set|Ref)$/.test(name)) return 'Its content cannot be listed; use a Map or a Set.';
  const prototype = Object.getPrototypeOf(value) as object;
  if (name === 'Object') return 'Its prototype is another object: copy what is needed into a plain one.';
  if (builtInAncestor(prototype) !== undefined)
    return 'Its content is not in its properties: cache a text or a plain object that says the same.';
  const found = privateMember(prototype);
  if (found !== undefined) return `It has ${found}, which nobody can read from outside. Cache a plain object instead.`;
  return `Cache a plain object instead, or, if its own properties are all it has, register its class: classes: [${name === '' ? 'TheClass' : name}].`;
}

/**
 * TypeORM keeps the promise of a lazy relation that is being loaded in `__promise_<name>__`; what is not there yet is not part of the value, and stays a
 * relation that is not loaded.
 */
export function isPendingLazyRelation(key: string, value: unknown): boolean {
  return key.startsWith('__promise_') && key.endsWith('__') && isThenable(value);
}

/** Memory shared with other threads has no content of its own. */
export function isShared(value: object): boolean {
  return (
    ArrayBuffer.isView(value) && typeof SharedArrayBuffer === 'function' && value.buffer instanceof SharedArrayBuffer
  );
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
