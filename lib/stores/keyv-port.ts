import type { KeyvSlice } from './cache-manager-backend.js';
import type { KeyValuePort } from './non-atomic-versioned-store.js';

interface KeyvSettings {
  readonly store: unknown;
  readonly namespace: string | undefined;
  readonly useKeyPrefix: boolean;
  readonly throwOnErrors: true;
}

type KeyvClass = new (settings: KeyvSettings) => KeyvSlice;

/**
 * A Keyv of our own over the adapter of the application's: the application's may swallow errors, and then a table that cannot be reached
 * looks like an empty one.
 */
export function keyvPort(keyv: KeyvSlice): KeyValuePort {
  const own = new (keyv.constructor as unknown as KeyvClass)({
    store: keyv.store,
    namespace: keyv.namespace,
    useKeyPrefix: keyv.useKeyPrefix ?? true,
    throwOnErrors: true,
  });
  return {
    get: (key) => own.get(key),
    set: async (key, value, ttlMs) => {
      if (!(await own.set(key, value, ttlMs))) throw new Error('The cache did not store what it was given');
    },
    delete: (key) => own.delete(key),
  };
}
