import { ClassRegistry } from '../../lib/codec/class-registry.js';
import { TaggedJsonCodec } from '../../lib/codec/tagged-json-codec.js';
import type { CacheEvent } from '../../lib/core/cache-event.js';
import type { BreakerFactory } from '../../lib/core/circuit-breaker.js';
import { systemClock } from '../../lib/core/clock.js';
import type { Answer, Loader } from '../../lib/core/load-request.js';
import type { LoadPolicy } from '../../lib/core/load-policy.js';
import type { LockProvider } from '../../lib/core/lock-provider.js';
import { ReadThrough } from '../../lib/core/read-through.js';
import type { VersionedStore } from '../../lib/core/versioned-store.js';
import { InProcessLockProvider } from '../../lib/locks/in-process-lock-provider.js';
import { POLICY } from './fleet.js';
import { PATIENT_CALLS } from './patient.js';

/** The core over a store and a lock service that are really there, with its events. */
export interface RealInstance {
  readonly cache: ReadThrough;
  readonly events: CacheEvent[];
  /** The types of the events so far. */
  flow(): string[];
  load<T>(key: string, loader: Loader<T>, more?: LoadMore): Promise<Answer<T>>;
}

export interface LoadMore {
  readonly version?: bigint;
  readonly policy?: Partial<LoadPolicy>;
}

export function realInstance(
  store: VersionedStore,
  locks: LockProvider = new InProcessLockProvider({ clock: systemClock }),
  breaker?: BreakerFactory,
  calls = PATIENT_CALLS,
): RealInstance {
  const events: CacheEvent[] = [];
  const cache = new ReadThrough({
    store,
    locks,
    codec: new TaggedJsonCodec(new ClassRegistry()),
    clock: systemClock,
    observer: { observe: (event) => void events.push(event) },
    ...calls,
    floorMs: 60_000,
    maxKeysPerTag: 1_000,
    refreshOnChange: false,
    ...(breaker !== undefined && { breaker }),
  });
  return {
    cache,
    events,
    flow: () => events.map(({ type }) => type),
    load: (key, loader, { version, policy = {} } = {}) =>
      cache.getOrLoad({
        key,
        loader,
        policy: { ...POLICY, ...policy },
        ...(version !== undefined && { versionOf: () => ({ kind: 'row', order: version }) }),
      }),
  };
}
