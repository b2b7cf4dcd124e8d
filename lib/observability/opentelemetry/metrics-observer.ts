import { CacheObserver, type CacheEvent } from '../../core/cache-event.js';
import type { BreakerState } from '../../core/circuit-breaker.js';
import type { LockState } from '../../core/lock-provider.js';
import type { UnsentCount } from '../../core/unsent-changes.js';
import type { AttributeSets } from './attribute-sets.js';
import { BoundedNames, errorName } from './bounded-names.js';
import { createInstruments, type Histograms, type Sums } from './instruments.js';
import type { OtelAttributes, OtelMeter } from './otel-api.js';

type EventOf<Type extends CacheEvent['type']> = Extract<CacheEvent, { type: Type }>;
type Measures = { readonly [Type in CacheEvent['type']]: (event: EventOf<Type>) => void };

/** Classes of loaders' errors that are told apart. */
const MAX_ERROR_TYPES = 50;
/** Reasons of bypasses that are told apart: there are fewer, and they are all ours. */
const MAX_REASONS = 50;

const inSeconds = (ms: number): number => ms / 1_000;

/** Events as measurements. */
export class MetricsObserver extends CacheObserver {
  private readonly sums: Sums;
  private readonly histograms: Histograms;
  private readonly errorTypes = new BoundedNames(MAX_ERROR_TYPES);
  private readonly reasons = new BoundedNames(MAX_REASONS);
  private unsent = 0;
  private lockStatus: { readonly provider: string; readonly state: LockState } | undefined;

  constructor(
    meter: OtelMeter,
    private readonly attributes: AttributeSets,
  ) {
    super();
    ({ sums: this.sums, histograms: this.histograms } = createInstruments(meter));
    this.beginAtZero();
  }

  observe(event: CacheEvent): void {
    (this.measures[event.type] as (event: CacheEvent) => void)(event);
  }

  private count(name: keyof Sums, facts: Readonly<Record<string, string | boolean>> = NOTHING, key?: string): void {
    this.sums[name].add(1, this.attributes.of(facts, key));
  }

  private readonly measures: Measures = {
    hit: ({ key }) => this.count('requests', HIT, key),
    // What is served after a failed load or a long wait was a miss before, and is counted as a request there.
    'stale-hit': ({ key, because }) =>
      because === 'refreshing'
        ? this.count('requests', { 'request.outcome': 'stale' }, key)
        : this.count('request.stale_fallbacks', { 'stale.reason': because }, key),
    miss: ({ key }) => this.count('requests', { 'request.outcome': 'miss' }, key),
    bypassed: ({ reason }) =>
      this.count('requests', { 'request.outcome': 'bypass', 'bypass.reason': this.reasons.of(reason) }),
    joined: ({ key }) => this.count('waits', { 'wait.scope': 'process' }, key),
    'lock-waited': ({ key, reason, waitedMs }) => {
      this.count('waits', { 'wait.scope': 'fleet' }, key);
      this.histograms['wait.duration'].record(inSeconds(waitedMs), this.attributes.of({ 'wait.end': reason }));
    },
    'lease-busy': () => this.count('lock.attempts', { 'lock.outcome': 'lease-busy' }),
    'lease-waited': ({ key, reason, waitedMs }) => {
      this.count('waits', { 'wait.scope': 'fleet' }, key);
      this.histograms['wait.duration'].record(inSeconds(waitedMs), this.attributes.of({ 'wait.end': reason }));
    },
    'wait-timeout': ({ key }) => this.count('wait.timeouts', {}, key),
    'failure-shared': ({ key }) => this.count('request.shared_failures', {}, key),
    'filled-by-another': () => this.count('second_looks', { 'look.outcome': 'filled' }),
    leased: ({ existed }) => this.count('second_looks', { 'look.outcome': existed ? 'lease-found' : 'lease-made' }),
    'eager-refresh': ({ key }) => this.count('eager_refreshes', {}, key),
    'load-queued': ({ key }) => this.count('queued_loads', {}, key),
    'load-turn': ({ waitedMs }) =>
      this.histograms['load.queue.duration'].record(inSeconds(waitedMs), this.attributes.of({})),
    'load-shed': ({ key, because, background }) =>
      this.count('shed_loads', { 'shed.reason': because, 'load.background': background }, key),
    'load-started': ({ key, under, because }) =>
      this.count(
        'loads',
        { 'load.under': under, ...(because !== undefined && { 'load.unlocked_reason': because }) },
        key,
      ),
    'load-finished': ({ key, loadMs }) => this.loaded(key, loadMs),
    'load-failed': ({ key, loadMs, error }) =>
      this.loaded(key, loadMs, { 'error.type': this.errorTypes.of(errorName(error)) }),
    stored: ({ key, bytes }) => {
      this.count('fills', { 'fill.outcome': 'stored' }, key);
      this.histograms['fill.size'].record(bytes, this.attributes.of({}, key));
    },
    renewed: ({ key }) => this.count('renewals', { 'renewal.outcome': 'renewed' }, key),
    'renewal-refused': ({ key, because }) => this.count('renewals', { 'renewal.outcome': because }, key),
    superseded: ({ key, reason }) => this.count('fills', { 'fill.outcome': 'superseded', 'fill.reason': reason }, key),
    'not-stored': ({ key, reason }) =>
      this.count('fills', { 'fill.outcome': 'not-stored', 'fill.reason': reason }, key),
    'flight-superseded': ({ key }) => this.count('superseded_loads', {}, key),
    'version-regressed': ({ key }) => this.count('version_regressions', {}, key),
    'lock-acquired': () => this.count('lock.attempts', { 'lock.outcome': 'acquired' }),
    'lock-busy': () => this.count('lock.attempts', { 'lock.outcome': 'busy' }),
    'lock-unavailable': () => this.count('lock.attempts', { 'lock.outcome': 'unavailable' }),
    'lock-released': ({ heldMs }) =>
      this.histograms['lock.hold.duration'].record(inSeconds(heldMs), this.attributes.of({})),
    'lock-lost': () => this.count('lock.losses'),
    'lock-state': ({ provider, state }) => this.lockIs(provider, state),
    'store-unavailable': ({ step, unasked }) =>
      this.count('store.failures', { 'store.step': step, 'store.asked': unasked === undefined }),
    'breaker-changed': ({ server, state, previous }) => {
      this.sums['breaker.status'].add(-1, this.breakerAt(server, previous));
      this.sums['breaker.status'].add(1, this.breakerAt(server, state));
    },
    'corrupt-entry': () => this.count('unreadable_entries', { 'entry.problem': 'corrupt' }),
    'other-shape': () => this.count('unreadable_entries', { 'entry.problem': 'other-shape' }),
    invalidated: ({ key }) => this.count('changes', { 'change.outcome': 'invalidated' }, key),
    set: ({ key, outcome }) =>
      this.count('changes', { 'change.outcome': outcome === 'stored' ? 'set' : 'set-invalidated' }, key),
    'tags-announced': ({ tags }) => this.announced('made', tags.length),
    'announcement-failed': (event) => {
      this.announced('kept', sizeOf(event));
      this.unsentAre(sizeOf(event.unsent));
    },
    'announcements-collapsed': () => this.announced('collapsed', 1),
    'announcements-refused': ({ unsent }) => this.announced('refused', sizeOf(unsent)),
    'announcement-made-up': (event) => {
      this.announced('made-up', sizeOf(event));
      this.unsentAre(sizeOf(event.unsent));
    },
    'announcement-lost': (event) => this.announced('lost', sizeOf(event)),
    'outbox-drained': ({ rows }) => {
      this.sums['outbox.rows'].add(rows, this.attributes.of({}));
    },
    'outbox-failing': () => this.count('outbox.failures'),
    cleared: () => this.count('clears'),
  };

  private loaded(key: string, loadMs: number, facts: Readonly<Record<string, string>> = {}): void {
    this.histograms['load.duration'].record(inSeconds(loadMs), this.attributes.of(facts, key));
  }

  private announced(outcome: string, announcements: number): void {
    this.sums.announcements.add(announcements, this.attributes.of({ 'announcement.outcome': outcome }));
  }

  private unsentAre(unsent: number): void {
    this.sums.unsent_announcements.add(unsent - this.unsent, this.attributes.of({}));
    this.unsent = unsent;
  }

  private breakerAt(server: 'store' | 'lock', state: BreakerState): OtelAttributes {
    return this.attributes.of({ 'breaker.server': server, 'breaker.state': state });
  }

  private lockIs(provider: string, state: LockState): void {
    const at = (was: { readonly provider: string; readonly state: LockState }) =>
      this.attributes.of({ 'lock.provider': was.provider, 'lock.state': was.state });
    if (this.lockStatus !== undefined) this.sums['lock.status'].add(-1, at(this.lockStatus));
    this.lockStatus = { provider, state };
    this.sums['lock.status'].add(1, at(this.lockStatus));
  }

  /** What has never happened is told as 0: a rate, and an alarm on it, then also sees the first time. */
  private beginAtZero(): void {
    for (const [name, sets] of Object.entries(FROM_ZERO))
      for (const facts of sets) this.sums[name as keyof typeof FROM_ZERO].add(0, this.attributes.of(facts));
    for (const server of ['store', 'lock'] as const)
      this.sums['breaker.status'].add(1, this.breakerAt(server, 'closed'));
  }
}

/** "Everything" counts as one. */
function sizeOf({ keys, tags, everything }: UnsentCount): number {
  return keys + tags + (everything ? 1 : 0);
}

/** Frozen, as what is counted most. */
const HIT = Object.freeze({ 'request.outcome': 'hit' });
const NOTHING = Object.freeze({});

const FROM_ZERO = {
  requests: [HIT, { 'request.outcome': 'stale' }, { 'request.outcome': 'miss' }],
  'request.stale_fallbacks': [{ 'stale.reason': 'load-failed' }, { 'stale.reason': 'wait-timeout' }],
  'request.shared_failures': [{}],
  waits: [{ 'wait.scope': 'process' }, { 'wait.scope': 'fleet' }],
  'wait.timeouts': [{}],
  loads: [{ 'load.under': 'lock' }, { 'load.under': 'lease' }, { 'load.under': 'none' }],
  fills: [{ 'fill.outcome': 'stored' }],
  'lock.attempts': [
    { 'lock.outcome': 'acquired' },
    { 'lock.outcome': 'busy' },
    { 'lock.outcome': 'unavailable' },
    { 'lock.outcome': 'lease-busy' },
  ],
  shed_loads: [{ 'shed.reason': 'limit', 'load.background': false }],
  queued_loads: [{}],
  eager_refreshes: [{}],
  renewals: [{ 'renewal.outcome': 'renewed' }],
  'lock.losses': [{}],
  superseded_loads: [{}],
  'store.failures': [{ 'store.step': 'read' }, { 'store.step': 'begin' }, { 'store.step': 'fill' }],
  version_regressions: [{}],
  unsent_announcements: [{}],
  clears: [{}],
  'outbox.rows': [{}],
  'outbox.failures': [{}],
  unreadable_entries: [{ 'entry.problem': 'corrupt' }, { 'entry.problem': 'other-shape' }],
  announcements: [
    { 'announcement.outcome': 'kept' },
    { 'announcement.outcome': 'made-up' },
    { 'announcement.outcome': 'lost' },
  ],
} as const satisfies Partial<Record<keyof Sums, readonly Readonly<Record<string, string | boolean>>[]>>;
