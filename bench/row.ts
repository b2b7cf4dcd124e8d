import { spread, type Spread } from './statistics.js';

/** `count`: exact on any machine, so a miss is a failure. `memory`: the same. `time`: depends on the machine, so a miss is information. */
export type RowKind = 'count' | 'memory' | 'time';

/** One line of the table. */
export interface Row {
  readonly part: string;
  readonly what: string;
  /** In words; empty for what is reported beside the budgets. */
  readonly budget: string;
  readonly measured: string;
  readonly kind: RowKind;
  readonly verdict: 'ok' | 'missed' | 'reported';
  /** The middle half of what the slices gave. */
  readonly noise?: string;
  /** The figures behind the words, for `--json`. */
  readonly figures: Readonly<Record<string, number>>;
}

/** A bound, and on which side of it the figure has to be. */
export interface Bound {
  readonly atMost?: number;
  readonly atLeast?: number;
}

export function holds(figure: number, { atMost = Infinity, atLeast = -Infinity }: Bound): boolean {
  return figure <= atMost && figure >= atLeast;
}

interface Head {
  readonly part: string;
  readonly what: string;
}

/** Figures with a bound each, all of which are exact: `1 / 0` for `1 Redis requests / ≤ 2 ZooKeeper reads`. */
export function countRow(
  head: Head,
  kind: 'count' | 'memory',
  counts: Readonly<Record<string, { readonly figure: number; readonly bound: Bound; readonly unit?: string }>>,
): Row {
  const entries = Object.entries(counts);
  return {
    ...head,
    kind,
    budget: entries.map(([name, { bound, unit = '' }]) => `${inWords(bound, unit)} ${name}`).join(' / '),
    measured: entries.map(([, { figure, unit = '' }]) => `${short(figure)}${unit}`).join(' / '),
    verdict: entries.every(([, { figure, bound }]) => holds(figure, bound)) ? 'ok' : 'missed',
    figures: Object.fromEntries(entries.map(([name, { figure }]) => [name, figure])),
  };
}

/** The median of ratios, with its noise. Without a bound it is only reported. */
export function ratioRow(head: Head & { readonly of: string }, values: readonly number[], bound?: Bound): Row {
  const { part, what, of } = head;
  const told = spread(values);
  return {
    part,
    what,
    kind: 'time',
    budget: bound === undefined ? '' : inWords(bound, ' ×'),
    measured: `${ratio(told.median)} × ${of}`,
    verdict: bound === undefined ? 'reported' : holds(told.median, bound) ? 'ok' : 'missed',
    noise: noise(told),
    figures: { ...told },
  };
}

/** A figure with a unit that no budget speaks of. */
export function reportRow(head: Head, values: readonly number[], unit: string): Row {
  const told = spread(values);
  return {
    ...head,
    kind: 'time',
    budget: '',
    measured: `${short(told.median)} ${unit}`,
    verdict: 'reported',
    noise: `${short(told.low)} – ${short(told.high)}`,
    figures: { ...told },
  };
}

function noise({ low, high }: Spread): string {
  return `${ratio(low)} – ${ratio(high)}`;
}

function ratio(value: number): string {
  return value.toFixed(2);
}

function short(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

function inWords({ atMost, atLeast }: Bound, unit: string): string {
  if (atMost !== undefined && atMost === atLeast) return `${atMost}${unit}`;
  return atMost === undefined ? `≥ ${atLeast ?? 0}${unit}` : `≤ ${atMost}${unit}`;
}
