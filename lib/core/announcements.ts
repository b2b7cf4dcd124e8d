import type { CacheEvent } from './cache-event.js';
import type { EntryCodec } from './entry-codec.js';
import { UnserializableValueError } from './errors.js';
import type { SharedFailures } from './shared-failures.js';
import type { SingleFlight } from './single-flight.js';
import type { StoreGate } from './store-gate.js';
import type { Tagging, TagChange } from './tagging.js';
import type { Version } from './version.js';
import type { ChangeKind, Lifetime } from './versioned-store.js';

export interface AnnouncementsParts {
  readonly store: StoreGate;
  readonly flights: SingleFlight;
  readonly failures: SharedFailures;
  readonly tagging: Tagging;
  readonly codec: EntryCodec;
  readonly floorMs: number;
  /** Loads a key again in the background, where this process knows how. Never rejects. */
  readonly refresh: (key: string) => Promise<void>;
  readonly report: (event: CacheEvent) => void;
}

/** What is known of the change of a key. */
export interface KeyChange {
  readonly version?: Version;
  readonly change?: ChangeKind;
}

/** What changes: each announcement overtakes the loads of this process first, and then tells the store. */
export class Announcements {
  constructor(private readonly parts: AnnouncementsParts) {}

  /**
   * Stores a writer's own value over one of a known, strictly lower version; in every other case it invalidates.
   *
   * @throws UnserializableValueError, StoreUnavailableError
   */
  async set(key: string, value: unknown, version: Version, lifetime: Lifetime): Promise<'stored' | 'invalidated'> {
    if (value === undefined)
      throw new UnserializableValueError('Expected a value to set, got undefined: invalidate the key instead');
    const payload = this.parts.codec.encode(value);
    this.parts.flights.supersedeLoading(key);
    const outcome = await this.parts.store.set(key, { payload, version, ...lifetime, floorMs: this.parts.floorMs });
    this.parts.report({ type: 'set', key, outcome });
    return outcome;
  }

  /**
   * Announces a committed change of what stands under a key. Resolves when the store has it: whoever begins to read after that gets the new value.
   *
   * @throws StoreUnavailableError when the store may not have it; what was stored before may then be served until its `ttlMs` is over
   */
  async invalidate(key: string, { version, change }: KeyChange = {}): Promise<void> {
    // Before the store is asked: a load that is filling right now must not pass between the two.
    this.parts.flights.supersedeLoading(key);
    this.parts.failures.forget(key);
    await this.parts.store.invalidate(key, {
      floorMs: this.parts.floorMs,
      ...(version === undefined ? {} : { version }),
      ...(change === undefined ? {} : { change }),
    });
    this.parts.report({ type: 'invalidated', key, ...(version === undefined ? {} : { version }) });
  }

  /**
   * Announces committed changes of what carries these tags. Resolves when the store has them, and every key that they lead to is invalidated: whoever begins to read after that gets the
   * new value.
   *
   * @throws StoreUnavailableError when the store may not have all of it; as much as could be was done, and it may be repeated
   */
  async announceTags(changes: readonly TagChange[]): Promise<void> {
    const tags = changes.map(({ tag }) => tag);
    for (const flight of this.parts.flights.all()) flight.noteAnnounced(tags);
    const keys = await this.parts.tagging.announce(changes, (key, change) => this.invalidate(key, change));
    this.parts.report({ type: 'tags-announced', tags, keys: keys.length });
    for (const key of keys) void this.parts.refresh(key);
  }

  /** Empties the namespace; loads under way are not stored. @throws StoreUnavailableError */
  async clear(): Promise<void> {
    this.parts.flights.supersedeLoading();
    this.parts.failures.clear();
    await this.parts.store.clear();
    this.parts.report({ type: 'cleared' });
  }
}
