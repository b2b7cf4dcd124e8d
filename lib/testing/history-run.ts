import { inspect, isDeepStrictEqual } from 'node:util';
import { AssertionError } from 'node:assert/strict';
import type { BeginOutcome, FillOutcome, KeyState, VersionedStore } from '../core/versioned-store.js';
import type { HistoryStep, Life } from './history-steps.js';
import { ReferenceStore, type ReferenceBegin, type ReferenceFill, type Seen } from './reference-store.js';
import { LONG_MS } from './versioned-store-harness.js';

/** The time of a reference store is the number of pauses so far; what lives long lives beyond all of them. */
const LIVES: Readonly<Record<Life, number>> = { none: 0, short: 1, long: 1_000 };

type Begin = HistoryStep & { readonly step: 'begin' };

/** A history under way on one key of a store, and what may be expected of it. */
export class HistoryRun {
  readonly #store: VersionedStore;
  readonly #evict: ((key: string) => Promise<void>) | undefined;
  readonly #key: string;
  readonly #shortMs: number;
  readonly #steps: readonly HistoryStep[];
  /** Each begin so far: what was offered, what the store said of it, and when it was by the time of the reference stores. */
  readonly #loads: { readonly offered: string; readonly outcome: BeginOutcome; readonly at: number }[] = [];
  /** What the protocol leaves open is told by several references; the store must go on agreeing with one and the same. */
  #references = [
    new ReferenceStore({ remembersPassedValues: true }),
    new ReferenceStore({ remembersPassedValues: false }),
  ];
  #next = 0;
  #now = 0;

  constructor(args: {
    readonly store: VersionedStore;
    readonly evict: ((key: string) => Promise<void>) | undefined;
    readonly key: string;
    readonly shortMs: number;
    readonly steps: readonly HistoryStep[];
  }) {
    this.#store = args.store;
    this.#evict = args.evict;
    this.#key = args.key;
    this.#shortMs = args.shortMs;
    this.#steps = args.steps;
  }

  /** Goes on to the next pause, or to the end. Rejects with an `AssertionError` at the first difference. */
  async toNextPause(): Promise<void> {
    for (let step = this.#steps[this.#next]; step !== undefined; step = this.#steps[this.#next]) {
      this.#next += 1;
      if (step.step === 'pause') {
        this.#now += 1;
        break;
      }
      await this.#take(step);
      this.#compare(seenOf(await this.#store.read(this.#key)), (reference) => reference.read(this.#now), 'read');
    }
  }

  async #take(step: HistoryStep): Promise<void> {
    const key = this.#key;
    if (step.step === 'begin') await this.#begin(step);
    else if (step.step === 'fill') await this.#fill(step);
    else if (step.step === 'mark') {
      const { lease } = this.#load(step.load);
      await this.#store.mark(key, lease, step.mark, this.#ms(step.lives));
      for (const reference of this.#references) reference.mark(this.#now, lease, step.mark, LIVES[step.lives]);
    } else if (step.step === 'invalidate') {
      const { version, change, lives } = step;
      await this.#store.invalidate(key, { ...(version && { version }), change, floorMs: this.#ms(lives) });
      for (const reference of this.#references) reference.invalidate(this.#now, version, change, LIVES[lives]);
    } else if (step.step === 'set') {
      const { payload, version, tags, fresh, stale, lives } = step;
      const times = { ttlMs: this.#ms(fresh), keepStaleMs: this.#ms(stale), floorMs: this.#ms(lives) };
      const outcome = await this.#store.set(key, { payload, version, ...(tags !== undefined && { tags }), ...times });
      const lasting = { freshFor: LIVES[fresh], staleFor: LIVES[stale], floorFor: LIVES[lives] };
      this.#compare(outcome, (reference) => reference.set(this.#now, { payload, version, tags, ...lasting }), 'set');
    } else if (step.step === 'lose') {
      await this.#evict?.(key);
      for (const reference of this.#references) reference.lose();
    }
  }

  async #begin({ lease, lives }: Begin): Promise<void> {
    const outcome = await this.#store.begin(this.#key, { lease, leaseMs: this.#ms(lives) });
    this.#loads.push({ offered: lease, outcome, at: this.#now });
    this.#compare(begunOf(outcome), (reference) => reference.begin(this.#now, lease, LIVES[lives]), 'begin');
  }

  async #fill({
    load,
    fillId,
    payload,
    version,
    tags,
    fresh,
    stale,
  }: HistoryStep & { readonly step: 'fill' }): Promise<void> {
    const { lease, begunAt, at } = this.#load(load);
    const times = { ttlMs: this.#ms(fresh), keepStaleMs: this.#ms(stale) };
    const outcome = await this.#store.fill(this.#key, {
      lease,
      begunAt,
      fillId,
      payload,
      ...(version && { version }),
      ...(tags !== undefined && { tags }),
      ...times,
    });
    const args = { lease, begunAt: at, fillId, payload, version, tags, freshFor: LIVES[fresh], staleFor: LIVES[stale] };
    this.#compare(filledOf(outcome), (reference) => reference.fill(this.#now, args), 'fill');
  }

  /** The lease that a load works under; for a begin that got none one that nobody has, which must not open anything. */
  #load(index: number): { lease: string; begunAt: string; at: number } {
    const load = this.#loads[index];
    if (load === undefined) return { lease: 'never begun', begunAt: '0', at: 0 };
    const { offered, outcome, at } = load;
    return outcome.kind === 'lease'
      ? { lease: outcome.lease, begunAt: outcome.begunAt, at }
      : { lease: `not ${offered}`, begunAt: '0', at };
  }

  #compare<Answer>(actual: Answer, expectedOf: (reference: ReferenceStore) => Answer, step: string): void {
    const expected = this.#references.map((reference) => ({ reference, answer: expectedOf(reference) }));
    this.#references = expected
      .filter(({ answer }) => isDeepStrictEqual(answer, actual))
      .map(({ reference }) => reference);
    if (this.#references.length > 0) return;
    const told = this.#steps
      .slice(0, this.#next)
      .map((one, index) => `${index}: ${inspect(one, { breakLength: Infinity, depth: 5 })}`);
    throw new AssertionError({
      message: `${this.#key}: after the last of these steps ${step} differs from the protocol\n${told.join('\n')}`,
      actual,
      expected: expected[0]?.answer,
    });
  }

  #ms(life: Life): number {
    return life === 'none' ? 0 : life === 'short' ? this.#shortMs : LONG_MS;
  }
}

function seenOf({ value, lease, loading, mark }: KeyState): Seen {
  const fresh = value !== undefined && value.freshForMs > 0;
  // A fresh value that says how long it has been stale shows up as a difference.
  const seenFresh = fresh && value.staleSinceMs > 0 ? false : fresh;
  return {
    ...(value && { value: { payload: value.payload, version: value.version, fresh: seenFresh } }),
    ...(lease !== undefined && { lease }),
    loading,
    ...(mark && { mark }),
  };
}

function begunOf(outcome: BeginOutcome): ReferenceBegin {
  if (outcome.kind === 'fresh') return { kind: 'fresh', payload: outcome.value.payload };
  if (outcome.kind === 'failed') return { kind: 'failed', mark: outcome.mark };
  const { lease, existed, loading } = outcome;
  return { kind: 'lease', lease, existed, loading };
}

function filledOf(outcome: FillOutcome): ReferenceFill {
  if (outcome.stored) return { stored: true };
  const { reason, floor, current } = outcome;
  return { stored: false, reason, ...(floor && { floor }), ...(current && { current: current.payload }) };
}
