import { SeededRandom } from '../../lib/testing/seeded-random.js';
import type { Database } from './databases/database.js';
import { fixedEntities } from './reads/dependence.js';
import { drawReads } from './reads/draw-reads.js';
import type { Read } from './reads/read.js';
import { hasRelationCount } from './world/decorate.js';
import { drawWorld } from './world/draw-world.js';
import type { World } from './world/world.js';
import { drawWrites } from './writes/draw-writes.js';
import { hasInsertSelect } from './writes/query-steps.js';
import type { Write } from './writes/write.js';

/** Tables with rows, what of them is cached, and what is written: plain data. */
export interface Program {
  readonly world: World;
  readonly reads: readonly Read[];
  readonly writes: readonly Write[];
}

const READS = 14;
const WRITES = 10;

/** The program of a seed; the same on a database of the same kind, with the same line of TypeORM. */
export function drawProgram(seed: number, { kind, hasSchemas }: Pick<Database, 'kind' | 'hasSchemas'>): Program {
  const random = new SeededRandom(seed * 2_654_435_761);
  const relationCount = hasRelationCount();
  const possible = { schemas: hasSchemas, otherSources: true, relationCount, dateVersions: kind !== 'mariadb' };
  const world = drawWorld(random, possible);
  const reads = drawReads(random, world, READS, relationCount);
  const fixed = new Set(reads.flatMap((read) => fixedEntities(world, read)));
  return {
    world,
    reads,
    writes: drawWrites(random, { world, kind, hasInsertSelect: hasInsertSelect(), fixed }, WRITES),
  };
}
