import type { CacheObserver } from './cache-event.js';
import type { Clock } from './clock.js';
import type { EntryCodec } from './entry-codec.js';
import type { Answer, LoadRequest } from './load-request.js';
import type { LockProvider } from './lock-provider.js';
import type { ChangeKind, Lifetime, VersionedStore } from './versioned-store.js';
import type { Version } from './version.js';

export interface ReadThroughParts {
  readonly store: VersionedStore;
  readonly locks: LockProvider;
  readonly codec: EntryCodec;
  readonly clock: Clock;
  readonly observer: CacheObserver;
  readonly storeTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly floorMs: number;
}

export declare class ReadThrough {
  constructor(parts: ReadThroughParts);
  getOrLoad<T>(request: LoadRequest<T>): Promise<Answer<T>>;
  /** The fresh value, or undefined. Loads nothing. */
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown, version: Version, lifetime: Lifetime): Promise<'stored' | 'invalidated'>;
  invalidate(key: string, change?: { version?: Version; change?: ChangeKind }): Promise<void>;
  clear(): Promise<void>;
  /** Ends every load and wait, then closes the lock provider and the store. */
  close(): Promise<void>;
}
