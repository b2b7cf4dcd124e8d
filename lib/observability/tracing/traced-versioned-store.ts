import type { CacheTracer } from '../../core/telemetry.js';
import {
  VersionedStore,
  type BeginOptions,
  type BeginOutcome,
  type Fill,
  type FillOutcome,
  type Invalidation,
  type KeyState,
  type LoadMark,
  type TagOutcome,
  type TagRegistration,
  type WriterSet,
} from '../../core/versioned-store.js';

/** A store whose fills and invalidations are traced. Looks are not: a hit is nothing else, and its `getOrLoad` tells of it. */
export class TracedVersionedStore extends VersionedStore {
  readonly name: string;
  readonly scope: 'fleet' | 'process';

  constructor(
    private readonly store: VersionedStore,
    private readonly tracer: CacheTracer,
  ) {
    super();
    this.name = store.name;
    this.scope = store.scope;
    // There or not there, as with the store behind it: whoever has the store asks for that first.
    if (store.renew !== undefined) this.renew = store.renew.bind(store);
    if (store.listen !== undefined) this.listen = store.listen.bind(store);
    if (store.connectionError !== undefined) this.connectionError = store.connectionError.bind(store);
  }

  read(key: string): Promise<KeyState> {
    return this.store.read(key);
  }

  begin(key: string, options: BeginOptions): Promise<BeginOutcome> {
    return this.store.begin(key, options);
  }

  fill(key: string, fill: Fill): Promise<FillOutcome> {
    return this.tracer.step(
      'fill',
      key,
      () => this.store.fill(key, fill),
      (outcome) => (outcome.stored ? { outcome: 'stored' } : { outcome: 'superseded', reason: outcome.reason }),
    );
  }

  mark(key: string, lease: string, mark: LoadMark, forMs: number): Promise<void> {
    return this.store.mark(key, lease, mark, forMs);
  }

  invalidate(key: string, invalidation: Invalidation): Promise<void> {
    return this.tracer.step(
      'invalidate',
      key,
      () => this.store.invalidate(key, invalidation),
      () => ({}),
    );
  }

  set(key: string, set: WriterSet): Promise<'stored' | 'invalidated'> {
    return this.store.set(key, set);
  }

  register(tag: string, registration: TagRegistration): Promise<TagOutcome> {
    return this.store.register(tag, registration);
  }

  announce(tag: string, memoryMs: number): Promise<readonly string[]> {
    return this.store.announce(tag, memoryMs);
  }

  clear(): Promise<void> {
    return this.store.clear();
  }

  close(): Promise<void> {
    return this.store.close();
  }
}
