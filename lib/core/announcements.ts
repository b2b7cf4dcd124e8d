import type { CacheEvent } from './cache-event.js';
import { CatchUp } from './catch-up.js';
import type { Clock } from './clock.js';
import { withDeadline } from './deadline.js';
import type { EntryCodec } from './entry-codec.js';
import { StoreUnavailableError, UnserializableValueError } from './errors.js';
import type { SharedFailures } from './shared-failures.js';
import type { SingleFlight } from './single-flight.js';
import type { StoreGate } from './store-gate.js';
import { inBatches, type Announced, type KeyChange, type Tagging, type Tagged, type TagChange } from './tagging.js';
import type { UnsentChanges } from './unsent-changes.js';
import type { Version } from './version.js';
import type { Lifetime } from './versioned-store.js';

export interface AnnouncementsParts {
  readonly store: StoreGate;
  readonly flights: SingleFlight;
  readonly failures: SharedFailures;
  readonly tagging: Tagging;
  readonly unsent: UnsentChanges;
  readonly codec: EntryCodec;
  readonly clock: Clock;
  readonly floorMs: number;
  /** Loads a key again in the background, where this process knows how. Never rejects. */
  readonly refresh: (key: string) => Promise<void>;
  readonly report: (event: CacheEvent) => void;
}

/** What the writer of a row knows of it. */
export interface WrittenValue extends Pick<Tagged, 'tagsOf'> {
  readonly value: unknown;
  readonly version: Version;
  readonly lifetime: Lifetime;
}

/**
 * What changes: each announcement overtakes the loads of this process first, and then tells the store. Where that fails it rejects, and is kept and made later; until then this process
 * believes nothing stored that it may concern.
 */
export class Announcements {
  private readonly catchUp: CatchUp;

  constructor(private readonly parts: AnnouncementsParts) {
    const { clock, refresh, report, store, unsent } = parts;
    this.catchUp = new CatchUp({
      unsent,
      clock,
      isReachable: () => store.isReachable,
      tell: {
        key: (key, change) => this.tellKey(key, change),
        tag: (change) => this.tellTag(change),
        everything: () => this.tellEverything(),
      },
      refresh,
      report,
    });
  }

  /**
   * Stores a writer's own value over one of a known, strictly lower version with the same tags; in every other case it invalidates.
   *
   * @throws UnserializableValueError; StoreUnavailableError, and then it is kept as an invalidation: a notice that carries a value may arrive late and bring the past back
   */
  async set(key: string, written: WrittenValue): Promise<'stored' | 'invalidated'> {
    const { value, version, lifetime } = written;
    if (value === undefined)
      throw new UnserializableValueError('Expected a value to set, got undefined: invalidate the key instead');
    const { codec, failures, flights, floorMs, report, store, tagging } = this.parts;
    const payload = codec.encode(value);
    flights.supersedeLoading(key);
    failures.forget(key);
    const verdict = await tagging.registerSet({ key, ...written }, value, lifetime.ttlMs + lifetime.keepStaleMs);
    if (verdict.kind !== 'clear') {
      await this.invalidate(key, { version });
      return 'invalidated';
    }
    const { tags } = verdict;
    try {
      const outcome = await store.set(key, { payload, version, ...(tags && { tags }), ...lifetime, floorMs });
      report({ type: 'set', key, outcome });
      return outcome;
    } catch (error) {
      this.catchUp.keep({ keys: [[key, { version }]] }, error);
      throw error;
    }
  }

  /**
   * Announces a committed change of what stands under a key. Resolves when the store has it: whoever begins to read after that gets the new value.
   *
   * @throws StoreUnavailableError when the store may not have it. It is kept, and made when the store is back; until then other instances may serve what was stored before
   */
  async invalidate(key: string, change: KeyChange = {}): Promise<void> {
    const { failures, flights, unsent } = this.parts;
    // Before the store is asked: a load that is filling right now must not pass between the two.
    flights.supersedeLoading(key);
    failures.forget(key);
    unsent.beforeTellingKey(key, change);
    try {
      await this.tellKey(key, change);
      this.catchUp.taken('keys');
    } catch (error) {
      this.catchUp.keep({ keys: [[key, change]] }, error);
      throw error;
    }
  }

  /**
   * Announces committed changes of what carries these tags. Resolves when the store has them, and every key that they lead to is invalidated: whoever begins to read after that gets the
   * new value.
   *
   * @param withinMs whoever announces waits no longer than this; what is not made by then is kept. Default: as long as it takes
   * @throws StoreUnavailableError when the store may not have all of it. As much as could be was done, and the rest is kept and made when the store is back
   */
  async announceTags(changes: readonly TagChange[], withinMs?: number): Promise<void> {
    const { clock, failures, flights, refresh, unsent } = this.parts;
    const tags = changes.map(({ tag }) => tag);
    failures.forgetUnmarked();
    for (const change of changes) unsent.beforeTellingTag(change);
    for (const flight of flights.all()) if (flight.noteAnnounced(tags)) flights.supersede(flight);
    const announced =
      withinMs === undefined
        ? await this.tellTags(changes)
        : await withDeadline(clock, this.tellTags(changes), withinMs, () => lateError(withinMs)).catch(
            (error: unknown): Announced => ({
              keys: [],
              failedTags: changes,
              failedKeys: [],
              error: error as StoreUnavailableError,
            }),
          );
    if (announced.error === undefined) {
      this.catchUp.taken('tags');
      void inBatches(announced.keys, refresh);
      return;
    }
    failures.clear();
    this.catchUp.keep({ keys: announced.failedKeys, tags: announced.failedTags }, announced.error);
    throw announced.error;
  }

  /** Empties the namespace; loads under way are not stored. @throws StoreUnavailableError, and then it is kept and made when the store is back */
  async clear(): Promise<void> {
    this.parts.flights.supersedeLoading();
    this.parts.failures.clear();
    try {
      await this.tellEverything();
      this.catchUp.taken('everything');
    } catch (error) {
      this.catchUp.keep({ everything: true }, error);
      throw error;
    }
  }

  /** The store has been away, and answers again. */
  storeIsBack(): void {
    this.catchUp.storeIsBack();
  }

  /** One last attempt at what is kept. */
  close(): Promise<void> {
    return this.catchUp.close();
  }

  private async tellKey(key: string, { version, change }: KeyChange): Promise<void> {
    await this.parts.store.invalidate(key, {
      floorMs: this.parts.floorMs,
      ...(version === undefined ? {} : { version }),
      ...(change === undefined ? {} : { change }),
    });
    this.parts.report({ type: 'invalidated', key, ...(version === undefined ? {} : { version }) });
  }

  private async tellTags(changes: readonly TagChange[]): Promise<Announced> {
    const { failures, flights, report, tagging } = this.parts;
    const announced = await tagging.announce(changes, (key, change) => {
      flights.supersedeLoading(key);
      failures.forget(key);
      return this.tellKey(key, change);
    });
    if (announced.error !== undefined) return announced;
    report({ type: 'tags-announced', tags: changes.map(({ tag }) => tag), keys: announced.keys.length });
    return announced;
  }

  private async tellTag(change: TagChange): Promise<readonly string[]> {
    const { error, keys } = await this.tellTags([change]);
    if (error !== undefined) throw error;
    return keys;
  }

  private async tellEverything(): Promise<void> {
    await this.parts.store.clear();
    this.parts.report({ type: 'cleared' });
  }
}

function lateError(withinMs: number): StoreUnavailableError {
  return new StoreUnavailableError(`The announcement was not made within announceTimeoutMs = ${String(withinMs)}`);
}
