import type { CacheEvent, RenewalRefusal } from './cache-event.js';
import type { Flight } from './flight.js';
import type { Lease } from './keep.js';
import { lifeOf } from './lifetime.js';
import type { LoadContext, LoadRequest } from './load-request.js';
import type { Look } from './look.js';
import type { Tagging } from './tagging.js';
import { compareVersions, ordersEveryUpdate, type Version } from './version.js';
import type { StoredValue } from './versioned-store.js';

/** What is there already, and holds for another ttl. */
export class Renewed {
  constructor(
    readonly value: unknown,
    readonly payload: string,
    readonly version: Version,
    /** Names the tags with which it has been registered anew; undefined: none. */
    readonly tags: string | undefined,
  ) {}
}

/**
 * Finds out whether what is stored, stale or about to be, is what a load would bring: by a query for the row's version alone. If so, its payload is filled once more, under the lease of this load like anything that was loaded.
 *
 * Three things have to hold, and each is looked at after the begin:
 * - The value is still there, under our lease. 1. A caller looks and sees the old value; 2. a row that it contains, but whose version is not its own, changes, and that is announced; 3. we begin. What the caller saw must not come back; what is there beside our
 *   lease was wiped by no announcement, and one that comes later takes the lease away.
 * - The versions are equal, and of a kind in which no two updates share one. With milliseconds: 1. a row is updated and loaded; 2. it is updated again within the same millisecond; 3. its version is asked for: equal, and the old payload would live on.
 * - None of its tags was announced lately. 1. Somebody marks a tag as announced; 2. we begin, later than that mark; 3. they have not come to invalidate our key yet, or died: for a load, which reads after step 1, that is fine; what is stored was read before it.
 */
export class Renewals {
  constructor(
    private readonly look: Look,
    private readonly tagging: Tagging,
    private readonly report: (event: CacheEvent) => void,
  ) {}

  /** Undefined: load. */
  async find(
    flight: Flight,
    request: LoadRequest<unknown>,
    under: Lease,
    context: LoadContext,
  ): Promise<Renewed | undefined> {
    const { key, policy } = request;
    const seen = await this.look.at(key);
    if (!seen.up || seen.state.lease !== under.lease || seen.state.value === undefined) return undefined;
    const version = await this.unchanged(request, seen.state.value, context);
    if (version === undefined) return undefined;
    const read = this.look.peek(key, seen.state.value);
    const verdict = read === undefined ? undefined : lifeOf(policy, read.value);
    if (read === undefined || verdict?.kept !== true) return undefined;
    const { ttlMs, keepStaleMs } = verdict.life;
    const tags = await this.tagging.register(flight, request, under, read.value, ttlMs + keepStaleMs);
    if (tags.kind === 'clear' && tags.announcedBeforeMs === undefined)
      return new Renewed(read.value, read.payload, version, tags.tags);
    this.refuse(key, 'tag-announced');
    return undefined;
  }

  /** The version of what is stored, when it is the current one. */
  private async unchanged(
    request: LoadRequest<unknown>,
    { version }: StoredValue,
    context: LoadContext,
  ): Promise<Version | undefined> {
    const { key } = request;
    if (version === undefined || !ordersEveryUpdate(version)) {
      this.refuse(key, version === undefined ? 'no-version' : 'coarse-version');
      return undefined;
    }
    let current: Version | undefined;
    try {
      current = await request.currentVersion?.(context, version);
    } catch (error) {
      this.refuse(key, 'failed', error);
      return undefined;
    }
    if (current === undefined) return undefined;
    const order = compareVersions(current, version);
    if (order === undefined) this.refuse(key, 'not-comparable');
    return order === 0 ? version : undefined;
  }

  private refuse(key: string, because: RenewalRefusal, error?: unknown): void {
    this.report({ type: 'renewal-refused', key, because, ...(error !== undefined && { error }) });
  }
}
