import type { OtelHistogram, OtelInstrument, OtelMeter, OtelSum } from './otel-api.js';

/** Seconds: from a command to a store to the slowest load. */
const DURATIONS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const SIZES = [256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216];

const counter = (unit: string, description: string) => ({ kind: 'counter', unit, description }) as const;
const seconds = (description: string) => ({ kind: 'histogram', unit: 's', description, buckets: DURATIONS }) as const;

/** Every instrument: its name after `distributed_cache.`, what it is, and what it measures. */
export const INSTRUMENTS = {
  requests: counter('{request}', 'Reads through the cache, by how they were answered first'),
  'request.stale_fallbacks': counter('{request}', 'Misses that were answered by a stale value all the same'),
  'request.shared_failures': counter('{request}', 'Reads that got the error of a load that had just failed'),
  waits: counter('{wait}', "Reads that waited for another's load instead of loading"),
  'wait.timeouts': counter('{wait}', "Waits for another's load that ran out"),
  'wait.duration': seconds("Waits for another process's load"),
  loads: counter('{load}', 'Loads that were started'),
  queued_loads: counter('{load}', 'Loads that had to wait for their turn in this instance'),
  'load.queue.duration': seconds('Waits of loads for their turn'),
  shed_loads: counter(
    '{load}',
    'Loads that this instance did not take on, and callers that no longer waited for a turn',
  ),
  eager_refreshes: counter('{load}', 'Values that were loaded anew before they expired'),
  'load.duration': seconds('Runs of loaders'),
  second_looks: counter(
    '{look}',
    'What the look after the lock found: a value that another has filled meanwhile, or a lease',
  ),
  renewals: counter('{entry}', 'Entries that currentVersion has renewed, and why others were loaded'),
  fills: counter('{fill}', 'What became of loaded values'),
  'fill.size': { kind: 'histogram', unit: 'By', description: 'Stored values, encoded', buckets: SIZES },
  'lock.attempts': counter('{attempt}', 'Attempts at a lock'),
  'lock.hold.duration': seconds('How long locks were held'),
  'lock.losses': counter('{lock}', 'Held locks that were lost, or may have been'),
  'lock.status': {
    kind: 'upDownCounter',
    unit: '1',
    description: 'The connection to the lock service: 1 for the state it is in',
  },
  'store.failures': counter(
    '{command}',
    'Steps that the store did not answer in time, or with an error, or was not asked for',
  ),
  'breaker.status': {
    kind: 'upDownCounter',
    unit: '1',
    description: 'The circuit breaker before each server: 1 for the state it is in',
  },
  superseded_loads: counter('{load}', 'Loads under way that an announced change has overtaken'),
  version_regressions: counter('{load}', 'Loaded rows older than what was announced or stored'),
  unreadable_entries: counter('{entry}', 'Entries that could not be read and counted as misses'),
  changes: counter('{change}', 'Changes of single keys, by what was made of them'),
  announcements: counter('{announcement}', 'Tags whose change was announced; tags and keys whose change was not'),
  unsent_announcements: {
    kind: 'upDownCounter',
    unit: '{announcement}',
    description: 'Announcements that are kept until the store is back',
  },
  'outbox.rows': counter('{row}', 'Rows of the outbox that others had left, and that were announced here'),
  'outbox.failures': counter('{attempt}', 'Attempts at the outbox that failed'),
  clears: counter('{clear}', 'Times the namespace was emptied'),
} as const satisfies Record<string, Kind>;

type Kind =
  | { readonly kind: 'counter' | 'upDownCounter'; readonly unit: string; readonly description: string }
  | { readonly kind: 'histogram'; readonly unit: string; readonly description: string; readonly buckets: number[] };

/** Begins the name of every instrument and attribute of ours. */
export const PREFIX = 'distributed_cache.';

type Name = keyof typeof INSTRUMENTS;
type HistogramName = { [N in Name]: (typeof INSTRUMENTS)[N]['kind'] extends 'histogram' ? N : never }[Name];

export type Sums = Readonly<Record<Exclude<Name, HistogramName>, OtelSum>>;
export type Histograms = Readonly<Record<HistogramName, OtelHistogram>>;

export function createInstruments(meter: OtelMeter): { readonly sums: Sums; readonly histograms: Histograms } {
  const sums: Partial<Record<string, OtelSum>> = {};
  const histograms: Partial<Record<string, OtelHistogram>> = {};
  for (const [name, { kind, unit, description, ...rest }] of Object.entries(INSTRUMENTS)) {
    const options: OtelInstrument = { unit, description };
    if ('buckets' in rest)
      histograms[name] = meter.createHistogram(PREFIX + name, {
        ...options,
        advice: { explicitBucketBoundaries: [...rest.buckets] },
      });
    else if (kind === 'counter') sums[name] = meter.createCounter(PREFIX + name, options);
    else sums[name] = meter.createUpDownCounter(PREFIX + name, options);
  }
  return { sums: sums as Sums, histograms: histograms as Histograms };
}
