/** The value below which the given share of the values lies, between neighbours in proportion. `values` is not changed. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new Error('A quantile of nothing was asked for.');
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? NaN;
  const above = sorted[Math.ceil(place)] ?? NaN;
  return below + (above - below) * (place - Math.floor(place));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** A median, and how far the middle half of the values spreads around it. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), low: quantile(values, 0.25), high: quantile(values, 0.75) };
}

/**
 * What each slice took, in proportion to the yardstick's slice of the same round: whatever slowed the machine down for a while slowed both, and
 * drops out.
 */
export function ratios(measured: readonly number[], yardstick: readonly number[]): number[] {
  if (measured.length !== yardstick.length) throw new Error('Ratios need a yardstick slice for every slice.');
  return measured.map((value, round) => value / (yardstick[round] ?? NaN));
}
