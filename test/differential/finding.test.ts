import { afterAll, describe, expect, it } from 'vitest';
import type { Database } from './databases/database.js';
import { sqlJs } from './databases/sqljs.js';
import { drawProgram } from './program.js';
import { reportOf } from './report.js';
import { runProgram } from './run.js';
import { shrink, type Found } from './shrink.js';

const database = sqlJs();
afterAll(() => database.close());

/** The first program of some seeds in which something is found because the caches are broken. */
async function firstFound(broken: Database): Promise<Found | undefined> {
  for (let seed = 1; seed <= 10; seed++) {
    const program = drawProgram(seed, broken);
    const { finding } = await runProgram(program, broken);
    if (finding?.kind !== 'stale') continue;
    if ((await runProgram(program, database)).finding === undefined) return { program, finding };
  }
  return undefined;
}

describe('the differential test', () => {
  it('draws one program from one seed', () => {
    const texts = [1, 2, 1].map((seed) => JSON.stringify(drawProgram(seed, database)));
    expect(texts[2]).toBe(texts[0]);
    expect(texts[1]).not.toBe(texts[0]);
  });

  it('finds that no change is heard, and makes the program as small as it gets', async () => {
    const broken: Database = { ...database, broken: { onChange: 'ignore' } };
    const found = await firstFound(broken);
    const small = await shrink(found!, broken);
    expect(small.finding.kind).toBe('stale');
    expect(small.program.reads).toHaveLength(1);
    expect(small.program.writes).toHaveLength(1);
    expect(small.program.world.entities.length).toBeLessThanOrEqual(found!.program.world.entities.length);
    expect(reportOf(small)).toMatch(/^entity .*\nread .*\nwrite .*\nAfter write 1, instance/su);
    // It is a program of its own, which can be replayed.
    expect((await runProgram(small.program, broken)).finding).toMatchObject({ kind: 'stale', after: 0 });
  });

  it('finds that changes without rows are not heard', async () => {
    const found = await firstFound({ ...database, broken: { bulkChanges: 'ignore' } });
    expect(found).toBeDefined();
  });
});
