import type { CacheEvent } from './cache-event.js';
import type { StoreUnavailableError } from './errors.js';
import type { Flight } from './flight.js';
import type { Lease } from './keep.js';
import { digestOf } from './tag-digest.js';
import type { LoadRequest } from './load-request.js';
import type { StoreGate } from './store-gate.js';
import type { ChangeKind, TagOutcome, TagRegistration } from './versioned-store.js';
import type { Version } from './version.js';

/** What is known of the change of a key. */
export interface KeyChange {
  readonly version?: Version;
  readonly change?: ChangeKind;
}

/** A tag whose entries have changed, and what is known of the change for the keys that it leads to: a version only where it leads to nothing but entries of this very row. */
export interface TagChange extends KeyChange {
  /** Encoded, as it is registered. */
  readonly tag: string;
}

/** What became of announced tags. */
export interface Announced {
  /** The keys that they led to. */
  readonly keys: readonly string[];
  readonly failedTags: readonly TagChange[];
  /** Keys that a tag led to and that could not be invalidated. */
  readonly failedKeys: readonly (readonly [key: string, change: KeyChange])[];
  /** Why, if anything failed: the first error. */
  readonly error?: StoreUnavailableError;
}

/** What becomes of a value by its tags. `announced`: it may be older than an announced change; `refused`: it can't be kept, as an event has told. */
export type TagVerdict =
  | {
      readonly kind: 'clear';
      /** Names the tags; absent: there are none. */
      readonly tags?: string;
      readonly announcedBeforeMs?: number;
    }
  | { readonly kind: 'announced' | 'refused' };

/** A key, and what tells the tags of its value. */
export type Tagged = Pick<LoadRequest<unknown>, 'key' | 'tagsOf'>;

export interface TaggingOptions {
  readonly maxKeysPerTag: number;
  /** How long announcements are remembered: longer than any load can take. */
  readonly memoryMs: number;
  /** The longest that a request to the store takes. */
  readonly storeTimeoutMs: number;
}

/** Commands sent at once: enough to fill the way to the server, too few for the last of them to run into its deadline. */
const BATCH = 200;

/** Which tags a loaded value has, and whether one of them was announced while it was loaded. */
export class Tagging {
  constructor(
    private readonly store: StoreGate,
    private readonly options: TaggingOptions,
    private readonly report: (event: CacheEvent) => void,
  ) {}

  /**
   * Registers the key with every tag of the value, before anything is stored; all requests are sent at once.
   *
   * @param forMs as long as what will be stored may live; where that depends on how many tags there are, see {@link covering}
   */
  async register(
    flight: Flight,
    request: LoadRequest<unknown>,
    under: Lease | undefined,
    value: unknown,
    forMs: number | ((tagCount: number) => number),
  ): Promise<TagVerdict> {
    const tags = this.tagsOf(request, value);
    if (tags === undefined) return { kind: 'refused' };
    flight.carries(tags);
    // An announcement of this very process may not have reached the store. What this process knows it obeys.
    if (flight.knowsAnnounced(tags)) return { kind: 'announced' };
    if (under === undefined) return { kind: 'clear' };
    const registeredMs = typeof forMs === 'number' ? forMs : forMs(tags.length);
    const registration = { key: request.key, begunAt: under.begunAt, forMs: registeredMs };
    const verdict = await this.registerAll(tags, registration);
    return flight.knowsAnnounced(tags) ? { kind: 'announced' } : verdict;
  }

  /**
   * Registers the key with every tag of a writer's value, before that is set. What it defends against:
   *   1. a load stores a value, and registers its key for as long as that may live; 2. shortly before the end of that life a writer sets the next version, which lives as long again; 3. when the
   *   registration has ended, a tag is announced: the key is told to nobody, and what the writer has set lives on.
   * When the writer has read what its value is made of is not known, so it is refused while an announcement of any of its tags is remembered.
   *
   * @param forMs as long as what will be set may live
   */
  async registerSet(tagged: Tagged, value: unknown, forMs: number): Promise<TagVerdict> {
    const tags = this.tagsOf(tagged, value);
    if (tags === undefined) return { kind: 'refused' };
    return this.registerAll(tags, { key: tagged.key, forMs: this.covering(forMs, tags.length) });
  }

  /**
   * How long a key has to be registered for something that lives for `forMs` from the moment it is stored, which is after that. (What a load fills lives from its begin, which was before.)
   *   1. The key is registered; 2. what is stored is under way; 3. the registration is over; 4. a tag is announced, which leads nowhere, while that lives on.
   */
  covering(forMs: number, tagCount: number): number {
    return forMs + (Math.ceil(tagCount / BATCH) + 1) * this.options.storeTimeoutMs;
  }

  private async registerAll(
    tags: readonly string[],
    registration: Pick<TagRegistration, 'key' | 'begunAt' | 'forMs'>,
  ): Promise<TagVerdict> {
    if (tags.length === 0) return { kind: 'clear' };
    const { maxKeysPerTag: maxKeys, memoryMs } = this.options;
    const outcomes: TagOutcome[] = [];
    try {
      await inBatches(tags, async (tag) =>
        outcomes.push(await this.store.register(tag, { ...registration, maxKeys, memoryMs })),
      );
    } catch {
      return { kind: 'refused' }; // reported by the gate
    }
    const verdict = judge(outcomes);
    if (verdict.kind === 'refused') this.notStored(registration.key, 'tag-full', `maxKeysPerTag is ${String(maxKeys)}`);
    return verdict.kind === 'clear' ? { ...verdict, tags: digestOf(tags) } : verdict;
  }

  /** Leaves word of the changes, and has the keys invalidated that they lead to. Never rejects: as much is done as can be. */
  async announce(
    changes: readonly TagChange[],
    invalidate: (key: string, change: KeyChange) => Promise<void>,
  ): Promise<Announced> {
    const found = new Map<string, KeyChange>();
    const failedTags: TagChange[] = [];
    const failedKeys: (readonly [string, KeyChange])[] = [];
    const errors: StoreUnavailableError[] = []; // the store gate throws nothing else
    await inBatches(changes, async (announced) => {
      const { tag, ...change } = announced;
      try {
        for (const key of await this.store.announce(tag, this.options.memoryMs)) {
          // A key may be found by several tags: what one of them knows of the row counts.
          if (found.get(key)?.version === undefined) found.set(key, { ...found.get(key), ...change });
        }
      } catch (error) {
        errors.push(error as StoreUnavailableError);
        failedTags.push(announced);
      }
    });
    await inBatches([...found], async ([key, change]) => {
      try {
        await invalidate(key, change);
      } catch (error) {
        errors.push(error as StoreUnavailableError);
        failedKeys.push([key, change]);
      }
    });
    return { keys: [...found.keys()], failedTags, failedKeys, ...(errors.length > 0 && { error: errors[0] }) };
  }

  /** Undefined, with an event, when they can't be told: without them the value must not be kept. */
  private tagsOf(request: Tagged, value: unknown): readonly string[] | undefined {
    try {
      return [...new Set(request.tagsOf?.(value))];
    } catch (error) {
      this.notStored(request.key, 'tags-unknown', String(error));
      return undefined;
    }
  }

  private notStored(key: string, reason: 'tag-full' | 'tags-unknown', detail: string): void {
    this.report({ type: 'not-stored', key, reason, detail });
  }
}

function judge(outcomes: readonly TagOutcome[]): TagVerdict {
  let announcedBeforeMs = Infinity;
  let isFull = false;
  for (const outcome of outcomes) {
    if (outcome.registered) announcedBeforeMs = Math.min(announcedBeforeMs, outcome.announcedBeforeMs ?? Infinity);
    else if (outcome.reason === 'announced') return { kind: 'announced' };
    else isFull = true;
  }
  if (isFull) return { kind: 'refused' };
  return { kind: 'clear', ...(announcedBeforeMs !== Infinity && { announcedBeforeMs }) };
}

/** Sends at most so many at once that the last of them does not run into its deadline. */
export async function inBatches<T>(items: readonly T[], step: (item: T) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < items.length; at += BATCH) await Promise.all(items.slice(at, at + BATCH).map(step));
}
