import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../../lib/testing/seeded-random.js';
import { extent } from '../support/extent.js';
import type { Database } from './databases/database.js';
import { drawProgram } from './program.js';
import { reportOf } from './report.js';
import { runProgram } from './run.js';
import { shrink } from './shrink.js';
import { addTally, emptyTallies, overInvalidation, tallyText } from './tallies.js';

/** To shrink a program takes a minute; the others are reported as they are. */
const MOST_SHRUNK = 2;
/** Of the entries whose answer a write did not change, the share that may be lost all the same. */
const MOST_OVER_INVALIDATED = 0.4;

/**
 * Runs programs of fixed seeds on a database; the long extent has more, and seeds of its own.
 *
 * @param everything what must have happened in them: steps of writes, and `outdated: …` for kinds of answers
 */
export function differentialSuite(
  name: string,
  open: () => Promise<Database>,
  count: number,
  everything: ReadonlySet<string> = new Set(),
): void {
  const first = extent(1, new SeededRandom(Date.now()).below(1_000_000));
  const seeds = Array.from({ length: extent(count, count * 20) }, (_, at) => first + at);

  describe(`cached reads and fresh ones after every write, on ${name}`, () => {
    const all = emptyTallies();
    let database: Database;
    let shrunk = 0;
    beforeAll(async () => {
      database = await open();
    });
    afterAll(() => database.close());

    it.each(seeds)('are equal in the program of seed %i', async (seed) => {
      const program = drawProgram(seed, database);
      const { finding, tally } = await runProgram(program, database);
      addTally(all, tally);
      if (finding === undefined) return;
      const found = { program, finding };
      const shown = shrunk++ < MOST_SHRUNK ? await shrink(found, database) : found;
      const again = `npm run differential -- --database ${name} --seed ${seed} --programs 1`;
      expect.fail(`${reportOf(shown)}\nAgain: ${again}`);
    });

    it('are compared where they can differ: entries are hit, outdated and kept, and every read is cached', () => {
      expect(all.programs).toBe(seeds.length);
      expect(all.neverCached, tallyText(all)).toBe(0);
      for (const happened of ['hits', 'kept', 'outdated'] as const)
        expect(all[happened], tallyText(all)).toBeGreaterThan(seeds.length);
      // Some are refused: by constraints, and for want of the row.
      expect(all.writes, tallyText(all)).toBeGreaterThan(2 * all.rejectedWrites);
      expect(all.unreadable, tallyText(all)).toBeLessThan(seeds.length);
      // Which of the rare ones a few fixed seeds have changes with every change of the generator.
      const missing = [...everything].filter((one) => !all.happened.has(one));
      expect(missing.length, missing.join()).toBeLessThan(extent(4, 1));
      expect(overInvalidation(all), tallyText(all)).toBeLessThan(MOST_OVER_INVALIDATED);
    });
  });
}
