import { MAX_VERSION_ORDER, type Version } from '../core/version.js';
import type { ChangeKind, LoadMark } from '../core/versioned-store.js';
import { SeededRandom } from './seeded-random.js';

/** Short: over at the next `pause`. Long: outlives the history. */
export type Life = 'none' | 'short' | 'long';

/** One step of a history. `load` is the number of the begin it belongs to, counted from 0. */
export type HistoryStep =
  | { readonly step: 'begin'; readonly lease: string; readonly lives: Life }
  | ({ readonly step: 'fill'; readonly load: number; readonly fillId: string; readonly payload: string } & {
      readonly version: Version | undefined;
      readonly tags: string | undefined;
      readonly fresh: Life;
      readonly stale: Life;
    })
  | { readonly step: 'mark'; readonly load: number; readonly mark: LoadMark; readonly lives: Life }
  | {
      readonly step: 'invalidate';
      readonly version: Version | undefined;
      readonly change: ChangeKind;
      readonly lives: Life;
    }
  | {
      readonly step: 'set';
      readonly payload: string;
      readonly version: Version;
      readonly tags: string | undefined;
      readonly fresh: Life;
      readonly stale: Life;
      readonly lives: Life;
    }
  | { readonly step: 'lose' }
  | { readonly step: 'pause' };

export interface HistoryShape {
  readonly seed: number;
  /** How many steps, pauses not counted. */
  readonly steps: number;
  /** How many times all that is short ends; 0: everything lives for ever. */
  readonly pauses: number;
  /** Whether the state may get lost. */
  readonly losses: boolean;
}

/** Versions begin here: small, where doubles stop being exact, and at the upper end. */
const BASES = [0n, 0n, 2n ** 53n - 2n, MAX_VERSION_ORDER - 4n];

/** The tags of all values of a history: mostly the same, or a writer would hardly ever store. */
const TAGS: readonly (readonly (string | undefined)[])[] = [
  [undefined],
  ['some'],
  ['some', 'others'],
  ['some', undefined],
];

/** A random history of one key. The same shape gives the same history. */
export function randomHistory({ seed, steps, pauses, losses }: HistoryShape): HistoryStep[] {
  const random = new SeededRandom(seed * 2_654_435_761);
  const writer = new HistoryWriter(random, pauses > 0);
  const history: HistoryStep[] = [];
  const pauseEvery = Math.ceil(steps / (pauses + 1));
  for (let index = 0; index < steps; index += 1) {
    if (index > 0 && index % pauseEvery === 0 && pauses > 0) history.push({ step: 'pause' });
    history.push(writer.next(losses));
  }
  return history;
}

class HistoryWriter {
  readonly #random: SeededRandom;
  readonly #timed: boolean;
  readonly #base: bigint;
  readonly #tagged: readonly (string | undefined)[];
  readonly #begins: (HistoryStep & { readonly step: 'begin' })[] = [];
  readonly #fills: (HistoryStep & { readonly step: 'fill' })[] = [];
  #made = 0;

  constructor(random: SeededRandom, timed: boolean) {
    this.#random = random;
    this.#timed = timed;
    this.#base = random.pick(BASES);
    this.#tagged = random.pick(TAGS);
  }

  next(losses: boolean): HistoryStep {
    this.#made += 1;
    if (this.#begins.length === 0 && this.#random.below(3) > 0) return this.#begin();
    const die = this.#random.below(losses ? 41 : 40);
    if (die < 11 || (this.#begins.length === 0 && die < 27)) return this.#begin();
    if (die < 23) return this.#fill();
    if (die < 27) return this.#mark();
    if (die < 34) {
      const change = this.#random.pick<ChangeKind>(['changed', 'changed', 'removed', 'inserted']);
      return { step: 'invalidate', version: this.#version(), change, lives: this.#life() };
    }
    if (die < 40) {
      const version = { kind: this.#kind(), order: this.#order() };
      const stale = this.#random.pick<Life>(['none', this.#life()]);
      const lasting = { fresh: this.#life(), stale, lives: this.#life() };
      return { step: 'set', payload: `set ${this.#made}`, version, tags: this.#tags(), ...lasting };
    }
    return { step: 'lose' };
  }

  #begin(): HistoryStep {
    // Now and then the repetition of an earlier begin whose reply was lost.
    const earlier = this.#random.below(6) === 0 ? this.#begins.at(-1) : undefined;
    const begin = { step: 'begin', lease: earlier?.lease ?? `lease-${this.#made}`, lives: this.#life() } as const;
    this.#begins.push(begin);
    return begin;
  }

  #fill(): HistoryStep {
    const earlier = this.#random.below(6) === 0 ? this.#fills.at(-1) : undefined;
    const stale = this.#random.pick<Life>(['none', this.#life(), this.#life()]);
    const fill = earlier ?? {
      step: 'fill' as const,
      load: this.#load(),
      fillId: `fill-${this.#made}`,
      payload: `loaded ${this.#made}`,
      version: this.#version(),
      tags: this.#tags(),
      fresh: this.#life(),
      stale,
    };
    this.#fills.push(fill);
    return fill;
  }

  #mark(): HistoryStep {
    const kind = this.#random.pick<LoadMark['kind']>(['failed', 'unstored']);
    return { step: 'mark', load: this.#load(), mark: { id: `mark-${this.#made}`, kind }, lives: this.#life() };
  }

  /** Mostly the latest begin, at times any earlier one. */
  #load(): number {
    return this.#random.below(3) === 0 ? this.#random.below(this.#begins.length) : this.#begins.length - 1;
  }

  #life(): Life {
    return this.#timed && this.#random.below(2) === 0 ? 'short' : 'long';
  }

  #version(): Version | undefined {
    return this.#random.below(5) === 0 ? undefined : { kind: this.#kind(), order: this.#order() };
  }

  #tags(): string | undefined {
    return this.#random.pick(this.#tagged);
  }

  #kind(): string {
    return this.#random.below(8) === 0 ? 'updated-at' : 'row';
  }

  #order(): bigint {
    return this.#base + BigInt(this.#random.below(5));
  }
}
