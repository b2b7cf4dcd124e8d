import type { EagerRefreshPolicy } from '../../lib/core/load-policy.js';
import type { SeededRandom } from '../../lib/testing/seeded-random.js';
import type { Notice } from './history.js';
import type { Renews } from './simulated-rows.js';

/** What is done in one history, and what is not. Where everything is done in each, some mistakes hardly ever show: what would keep the past alive is always soon followed by what ends it. */
export interface Traits {
  readonly ttlsMs: readonly number[];
  readonly staleMs: readonly number[];
  readonly negativeTtlsMs: readonly (number | undefined)[];
  readonly eager: readonly EagerRefreshPolicy[];
  readonly renews: Renews;
  /** Whether entries carry tags, by which changes are announced; else their keys are announced, and the lease alone keeps the past out. */
  readonly tagged: boolean;
  readonly notices: readonly Notice[];
  /** Of forty things that are done. */
  readonly writes: number;
  /** Whether writers die between leaving word of their change and invalidating keys. */
  readonly dies: boolean;
  /** Announcements are remembered for twice this. What a dead writer has left must not be renewed until it ends. */
  readonly floorMs: number;
}

export function traitsOf(random: SeededRandom): Traits {
  const tagged = random.below(4) > 0;
  const dies = tagged && random.below(3) === 0;
  return {
    ttlsMs: random.pick([[3, 60, 300], [60], [300], [60, 300]]),
    staleMs: random.pick([[0], [30], [0, 30]]),
    negativeTtlsMs: random.pick([[undefined], [undefined, 1, 20], [20]]),
    eager: random.pick<EagerRefreshPolicy[]>([[0], [0.2], [0, 0.2, 0.8, { beta: 5 }]]),
    renews: random.pick<Renews>(['never', 'sometimes', 'always']),
    tagged,
    notices: tagged
      ? random.pick<Notice[]>([['typeorm'], ['set', 'set', 'typeorm'], ['typeorm', 'versioned', 'bare', 'set']])
      : ['bare'],
    writes: random.pick([2, 5]),
    dies,
    floorMs: dies ? 60_000 : 10,
  };
}
