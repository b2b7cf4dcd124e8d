import type { CacheEvent } from './cache-event.js';
import type { Clock } from './clock.js';
import type { EntryCodec } from './entry-codec.js';
import { describeError } from './error-description.js';
import type { Flight, Landing } from './flight.js';
import type { LoadPolicy } from './load-policy.js';
import type { Look } from './look.js';
import type { SharedFailures } from './shared-failures.js';
import type { StoreGate } from './store-gate.js';
import type { Fill, FillOutcome } from './versioned-store.js';
import type { Version } from './version.js';

/** How long a value that could not be stored keeps others from queueing for the lock, when errors are not shared at all. */
const UNSTORED_MARK_MS = 1_000;

/** The lease a load began under, and when. */
export interface Lease {
  readonly lease: string;
  readonly begunAt: string;
}

type Refusal = Extract<FillOutcome, { stored: false }>;

/** The end of a load: fill, or leave a mark that tells why there is nothing. */
export class Keep {
  constructor(
    private readonly store: StoreGate,
    private readonly codec: EntryCodec,
    private readonly clock: Clock,
    private readonly look: Look,
    private readonly failures: SharedFailures,
    private readonly report: (event: CacheEvent) => void,
  ) {}

  /** Encodes the value for those who get a copy; undefined, with an event, when it would not come back as it went in. */
  encode(key: string, value: unknown): string | undefined {
    if (value === undefined) {
      this.report({ type: 'not-stored', key, reason: 'undefined' });
      return undefined;
    }
    try {
      return this.codec.encode(value);
    } catch (error) {
      this.report({ type: 'not-stored', key, reason: 'unserializable', detail: String(error) });
      return undefined;
    }
  }

  async value(
    flight: Flight,
    policy: LoadPolicy,
    under: Lease,
    value: unknown,
    version: Version | undefined,
  ): Promise<Landing> {
    const { key } = flight;
    const payload = this.encode(key, value);
    if (payload === undefined) {
      await this.unstored(flight, policy, under);
      return { kind: 'loaded', value };
    }
    const landing: Landing = { kind: 'loaded', value, payload };
    const bytes = Buffer.byteLength(payload);
    if (bytes > policy.maxValueBytes) {
      const detail = `${String(bytes)} bytes, maxValueBytes is ${String(policy.maxValueBytes)}`;
      this.report({ type: 'not-stored', key, reason: 'too-large', detail });
      await this.unstored(flight, policy, under);
      return landing;
    }
    return this.fill(flight, policy, landing, {
      ...under,
      fillId: this.clock.uniqueId(),
      payload,
      ...(version === undefined ? {} : { version }),
      ttlMs: policy.ttlMs,
      keepStaleMs: Math.max(policy.staleWhileRevalidateMs, policy.staleIfErrorMs),
    });
  }

  private async fill(flight: Flight, policy: LoadPolicy, landing: Landing, fill: Fill): Promise<Landing> {
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
    this.report({ type: 'stored', key, bytes, ...(version === undefined ? {} : { version }) });
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

  /** The load failed: its error is shared for a while instead of being asked for again. */
  async failure(flight: Flight, policy: LoadPolicy, lease: string | undefined, error: unknown): Promise<void> {
    const { key } = flight;
    if (policy.failureBackoffMs === 0 || flight.superseded) return;
    const id = this.clock.uniqueId();
    this.failures.remember(key, id, error, policy.failureBackoffMs);
    if (lease === undefined) return;
    const mark = { id, kind: 'failed', error: describeError(error) } as const;
    await this.store.mark(key, lease, mark, policy.failureBackoffMs).catch(() => undefined);
  }

  /** The load was ended before it had a result: whoever comes next may begin at once, and nobody is believed to be loading. */
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
