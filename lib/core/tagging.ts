import type { CacheEvent } from './cache-event.js';
import type { Flight } from './flight.js';
import type { Lease } from './keep.js';
import type { LoadRequest } from './load-request.js';
import type { StoreGate } from './store-gate.js';
import type { ChangeKind, TagOutcome } from './versioned-store.js';
import type { Version } from './version.js';

/** A tag whose entries have changed, and what is known of the change for the keys that it leads to. */
export interface TagChange {
  /** Encoded, as it is registered. */
  readonly tag: string;
  /** The version that the row has now; only for tags that lead to nothing but entries of this very row. */
  readonly version?: Version;
  readonly change?: ChangeKind;
}

/** What becomes of a loaded value by its tags. `announced`: it may be older than an announced change; `refused`: it can't be kept, as an event has told. */
export type TagVerdict =
  { readonly kind: 'clear'; readonly announcedBeforeMs?: number } | { readonly kind: 'announced' | 'refused' };

export interface TaggingOptions {
  readonly maxKeysPerTag: number;
  /** How long announcements are remembered: longer than any load can take. */
  readonly memoryMs: number;
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
   * @param forMs as long as what will be stored may live
   */
  async register(
    flight: Flight,
    request: LoadRequest<unknown>,
    under: Lease | undefined,
    value: unknown,
    forMs: number,
  ): Promise<TagVerdict> {
    const tags = this.tagsOf(request, value);
    if (tags === undefined) return { kind: 'refused' };
    // An announcement of this very process may not have reached the store. What this process knows it obeys.
    if (flight.knowsAnnounced(tags)) return { kind: 'announced' };
    if (under === undefined || tags.length === 0) return { kind: 'clear' };
    const { maxKeysPerTag: maxKeys, memoryMs } = this.options;
    const registration = { key: request.key, begunAt: under.begunAt, forMs, maxKeys, memoryMs };
    const outcomes: TagOutcome[] = [];
    try {
      await inBatches(tags, async (tag) => outcomes.push(await this.store.register(tag, registration)));
    } catch {
      return { kind: 'refused' }; // reported by the gate
    }
    const verdict = judge(outcomes);
    if (verdict.kind === 'refused') this.notStored(request.key, 'tag-full', `maxKeysPerTag is ${String(maxKeys)}`);
    return flight.knowsAnnounced(tags) ? { kind: 'announced' } : verdict;
  }

  /**
   * Leaves word of the changes and tells which keys are to be invalidated.
   *
   * @throws StoreUnavailableError when a tag could not be announced, with `invalidate` called for the keys of the others
   */
  async announce(
    changes: readonly TagChange[],
    invalidate: (key: string, change: Omit<TagChange, 'tag'>) => Promise<void>,
  ): Promise<readonly string[]> {
    const found = new Map<string, Omit<TagChange, 'tag'>>();
    const failures: unknown[] = [];
    const trying =
      <T>(step: (item: T) => Promise<void>) =>
      (item: T): Promise<void> =>
        step(item).catch((error: unknown) => void failures.push(error));
    await inBatches(
      changes,
      trying(async ({ tag, ...change }: TagChange) => {
        for (const key of await this.store.announce(tag, this.options.memoryMs)) {
          // A key may be found by several tags: what one of them knows of the row counts.
          if (found.get(key)?.version === undefined) found.set(key, { ...found.get(key), ...change });
        }
      }),
    );
    await inBatches(
      [...found],
      trying(([key, change]) => invalidate(key, change)),
    );
    if (failures.length > 0) throw failures[0];
    return [...found.keys()];
  }

  /** Undefined, with an event, when they can't be told: without them the value must not be kept. */
  private tagsOf(request: LoadRequest<unknown>, value: unknown): readonly string[] | undefined {
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

async function inBatches<T>(items: readonly T[], step: (item: T) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < items.length; at += BATCH) await Promise.all(items.slice(at, at + BATCH).map(step));
}
