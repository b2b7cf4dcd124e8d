import type { CacheEvent } from './cache-event.js';
import type { Clock } from './clock.js';
import type { EntryCodec } from './entry-codec.js';
import { describeError } from './error-description.js';
import type { Flight, Landing } from './flight.js';
import { jittered, lifeOf } from './lifetime.js';
import type { LoadPolicy } from './load-policy.js';
import type { LoadRequest } from './load-request.js';
import type { Look } from './look.js';
import type { Renewed } from './renewal.js';
import type { SharedFailures } from './shared-failures.js';
import type { StoreGate } from './store-gate.js';
import type { Tagging, TagVerdict } from './tagging.js';
import { UNCACHEABLE } from './uncacheable.js';
import type { Fill, FillOutcome, Lifetime } from './versioned-store.js';

/** How long a value that could not be stored keeps others from queueing for the lock, when errors are not shared at all. */
const UNSTORED_MARK_MS = 1_000;

const CLEAR = { kind: 'clear' } as const satisfies TagVerdict;

/** The lease a load began under, and when. */
export interface Lease {
  readonly lease: string;
  readonly begunAt: string;
  readonly tombstoneForMs?: number;
}

type LoadedLanding = Exclude<Landing, { kind: 'nothing' }>;
type Refusal = Extract<FillOutcome, { stored: false }>;

/** The end of a load: fill, or leave a mark that tells why there is nothing. */
export class Keep {
  constructor(
    private readonly store: StoreGate,
    private readonly codec: EntryCodec,
    private readonly clock: Clock,
    private readonly look: Look,
    private readonly failures: SharedFailures,
    private readonly tagging: Tagging,
    private readonly floorMs: number,
    private readonly report: (event: CacheEvent) => void,
  ) {}

  /** Encodes the value for those who get a copy; undefined, with an event, when it would not come back as it went in. */
  encode(key: string, value: unknown): string | undefined {
    if (value === undefined || value === UNCACHEABLE) {
      this.report({ type: 'not-stored', key, reason: value === undefined ? 'undefined' : 'uncacheable' });
      return undefined;
    }
    try {
      return this.codec.encode(value);
    } catch (error) {
      this.report({ type: 'not-stored', key, reason: 'unserializable', detail: String(error) });
      return undefined;
    }
  }

  /** The end of a load under a lease. */
  async value(flight: Flight, request: LoadRequest<unknown>, under: Lease, value: unknown): Promise<Landing> {
    const { policy } = request;
    const payload = this.encode(flight.key, value);
    if (payload === undefined || this.isTooLarge(flight.key, policy, payload)) {
      return this.unkept(flight, request, under, value, payload);
    }
    const landing: LoadedLanding = { kind: 'loaded', value, payload };
    const life = this.lifeOf(flight.key, policy, value);
    if (life === undefined) return this.unkept(flight, request, under, value, payload);
    const verdict = await this.tagging.register(flight, request, under, value, life.ttlMs + life.keepStaleMs);
    if (verdict.kind !== 'clear') return this.outdated(flight, policy, under, landing, verdict);
    const version = request.versionOf?.(value);
    return this.fill(flight, policy, landing, {
      ...under,
      fillId: this.clock.uniqueId(),
      payload,
      ...(version === undefined ? {} : { version }),
      ...(verdict.tags === undefined ? {} : { tags: verdict.tags }),
      ...this.trusted(life, policy, under, verdict),
    });
  }

  /** The end of a load that found what is stored to be current: the same payload, fresh again. Its tags are registered already. */
  async renewed(
    flight: Flight,
    request: LoadRequest<unknown>,
    under: Lease,
    { life, payload, value, version, tags }: Renewed,
  ): Promise<Landing> {
    const { policy } = request;
    // The replica that tells the version may lag as well.
    const kept = this.trusted(this.byChance(life, policy), policy, under, CLEAR);
    const fillId = this.clock.uniqueId();
    const fill = { ...under, fillId, payload, version, ...(tags === undefined ? {} : { tags }), ...kept };
    const landing = { kind: 'loaded', value, payload } as const;
    return this.fill(flight, policy, landing, fill, { type: 'renewed', key: flight.key, version });
  }

  /** How long the value is kept; undefined, with an event, when the policy does not want it. */
  private lifeOf(key: string, policy: LoadPolicy, value: unknown): Lifetime | undefined {
    const verdict = lifeOf(policy, value);
    if (verdict.kept) return this.byChance(verdict.life, policy);
    const { reason, detail } = verdict;
    this.report({ type: 'not-stored', key, reason, ...(detail !== undefined && { detail }) });
    return undefined;
  }

  private byChance(life: Lifetime, { ttlJitter }: LoadPolicy): Lifetime {
    return { ...life, ttlMs: jittered(life.ttlMs, ttlJitter, this.clock) };
  }

  /**
   * 1. A row is changed and announced; 2. a load begins, and reads the old row from a replica that has not heard of it. Its lease is good, and where the row has no version nothing else
   * tells. So what is read soon after an announcement is not trusted for long.
   */
  private trusted(
    life: Lifetime,
    { replicaLagMs }: LoadPolicy,
    under: Lease,
    verdict: TagVerdict & { readonly kind: 'clear' },
  ): Lifetime {
    // Never below 0: an instance whose `floorMs` is longer may have announced it.
    const sinceKey = under.tombstoneForMs === undefined ? Infinity : Math.max(0, this.floorMs - under.tombstoneForMs);
    const isSoon = Math.min(sinceKey, verdict.announcedBeforeMs ?? Infinity) < replicaLagMs;
    return isSoon ? { ttlMs: Math.min(life.ttlMs, replicaLagMs), keepStaleMs: 0 } : life;
  }

  /** The end of a load without a lease, because the store is down. */
  unstorable(flight: Flight, request: LoadRequest<unknown>, value: unknown): Promise<Landing> {
    return this.unkept(flight, request, undefined, value, this.encode(flight.key, value));
  }

  /** Nothing is stored, so nobody registers for that; but whoever came late must not get what was outdated before they came. */
  private async unkept(
    flight: Flight,
    request: LoadRequest<unknown>,
    under: Lease | undefined,
    value: unknown,
    payload: string | undefined,
  ): Promise<LoadedLanding> {
    flight.end();
    const landing: LoadedLanding = { kind: 'loaded', value, ...(payload === undefined ? {} : { payload }) };
    const verdict = flight.hasLateCallers ? await this.tagging.register(flight, request, under, value, 1) : CLEAR;
    if (verdict.kind !== 'clear') return this.outdated(flight, request.policy, under, landing, verdict);
    if (under !== undefined) await this.unstored(flight, request.policy, under);
    return landing;
  }

  /** The value is, or may be, older than what was announced: only those may have it who were there before the load began. */
  private async outdated(
    flight: Flight,
    policy: LoadPolicy,
    under: Lease | undefined,
    landing: LoadedLanding,
    { kind }: TagVerdict,
  ): Promise<LoadedLanding> {
    // Nobody has wiped the lease, so it would let further callers join.
    flight.end();
    if (kind === 'announced') this.report({ type: 'superseded', key: flight.key, reason: 'tag-invalidated' });
    if (under !== undefined)
      await (kind === 'announced' ? this.nothing(flight, under) : this.unstored(flight, policy, under));
    return { ...landing, outdated: true };
  }

  private isTooLarge(key: string, { maxValueBytes }: LoadPolicy, payload: string): boolean {
    const bytes = Buffer.byteLength(payload);
    if (bytes <= maxValueBytes) return false;
    const detail = `${String(bytes)} bytes, maxValueBytes is ${String(maxValueBytes)}`;
    this.report({ type: 'not-stored', key, reason: 'too-large', detail });
    return true;
  }

  private async fill(
    flight: Flight,
    policy: LoadPolicy,
    landing: Landing,
    fill: Fill,
    told?: CacheEvent,
  ): Promise<Landing> {
    const { key } = flight;
    // A change announced by this very process may not have reached the store (it was down): then the lease is still there, and the store
    // would take the old value. What this process knows it obeys.
    if (flight.superseded) {
      this.report({ type: 'superseded', key, reason: 'invalidated' });
      return landing;
    }
    let outcome: FillOutcome;
    try {
      outcome = await this.store.fill(key, fill);
    } catch {
      return landing; // reported by the gate; the value is good, only nobody else has it
    }
    if (!outcome.stored) return this.refused(flight, policy, landing, fill, outcome);
    const { version, payload } = fill;
    const bytes = Buffer.byteLength(payload);
    this.report(told ?? { type: 'stored', key, bytes, ...(version === undefined ? {} : { version }) });
    return landing;
  }

  private async refused(
    flight: Flight,
    policy: LoadPolicy,
    landing: Landing,
    fill: Fill,
    outcome: Refusal,
  ): Promise<Landing> {
    const { key } = flight;
    const { reason, current, floor } = outcome;
    this.report({ type: 'superseded', key, reason });
    if (reason === 'older') {
      if (fill.version !== undefined) {
        this.report({
          type: 'version-regressed',
          key,
          version: fill.version,
          ...(floor === undefined ? {} : { floor }),
        });
      }
      await this.unstored(flight, policy, fill);
    }
    const newer = current === undefined ? undefined : this.look.peek(key, current);
    return newer === undefined ? landing : { kind: 'found', ...newer };
  }

  /**
   * The load failed: its error is shared for a while instead of being asked for again. It has tags too, those that are known without a value: 1. a row is missing, and the
   * loader throws; 2. the row is inserted and announced; 3. whoever reads now must not get that error. Nor whoever has joined this load between 2 and its end, as with a value: `flight.isLate`.
   */
  async failure(
    flight: Flight,
    request: LoadRequest<unknown>,
    under: Lease | undefined,
    error: unknown,
  ): Promise<void> {
    const { key } = flight;
    const { failureBackoffMs } = request.policy;
    flight.end();
    const isShared = failureBackoffMs > 0 && !flight.superseded;
    if (isShared || flight.hasLateCallers) {
      const forMs = isShared ? (tagCount: number) => this.tagging.covering(failureBackoffMs, tagCount) : 1;
      const verdict = await this.tagging.register(flight, request, under, undefined, forMs);
      flight.errorOutdated = verdict.kind !== 'clear';
    }
    // Looked at only now: it may have been announced while the tags were registered.
    if (flight.superseded) return;
    if (!isShared || flight.errorOutdated) {
      if (under !== undefined) await this.nothing(flight, under);
      return;
    }
    const id = this.clock.uniqueId();
    this.failures.remember(key, under && id, error, failureBackoffMs);
    if (under === undefined) return;
    const mark = { id, kind: 'failed', error: describeError(error) } as const;
    await this.store.mark(key, under.lease, mark, failureBackoffMs).catch(() => undefined);
  }

  /** The load was ended before it had a result, or its error is not shared: whoever comes next may begin at once, and nobody is believed to be loading. */
  async nothing(flight: Flight, under: Lease): Promise<void> {
    const mark = { id: this.clock.uniqueId(), kind: 'unstored' } as const;
    await this.store.mark(flight.key, under.lease, mark, 0).catch(() => undefined);
  }

  private async unstored(flight: Flight, policy: LoadPolicy, under: Lease): Promise<void> {
    if (flight.superseded) return;
    const mark = { id: this.clock.uniqueId(), kind: 'unstored' } as const;
    const forMs = policy.failureBackoffMs === 0 ? UNSTORED_MARK_MS : policy.failureBackoffMs;
    await this.store.mark(flight.key, under.lease, mark, forMs).catch(() => undefined);
  }
}
