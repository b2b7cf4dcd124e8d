import type { SeededRandom } from '../../../lib/testing/seeded-random.js';
import { drawRelation, once, type Drawn } from './draw-relation.js';
import { KEY_KINDS, ROWS_OF_A_LARGE_TABLE, TREES, type EntitySpec, type RelationSpec, type World } from './world.js';

/** What a database, or a line of TypeORM, may not have. */
export interface Possible {
  readonly schemas: boolean;
  readonly otherSources: boolean;
  readonly relationCount: boolean;
  /** Whether an update in the second of an insert has no older stamp (docs/versions.md). */
  readonly dateVersions: boolean;
}

/** A world with a few features, and every feature in one world or another. */
export function drawWorld(random: SeededRandom, possible: Possible): World {
  const count = random.pick([2, 2, 3]);
  const entities: EntitySpec[] = [];
  // TypeORM relates the entities of schemas and those of decorated classes among themselves only.
  const madeBy = once(random, 6) ? 'schema' : 'decorators';
  for (const name of ['A', 'B', 'C'].slice(0, count))
    entities.push(drawEntity(random, { name, madeBy }, entities, possible));
  const large = once(random, 8) ? random.below(count) : -1;
  const sized = entities.map((spec, at) => {
    const few = spec.key === 'relation' ? 3 : 3 + random.below(2);
    return { ...spec, rows: at === large && spec.tree === undefined && few > 3 ? ROWS_OF_A_LARGE_TABLE : few };
  });
  const relations: RelationSpec[] = [];
  const many = random.pick([1, 2, 2, 3]);
  for (let at = 1; at <= many; at++) {
    const from = random.pick(sized);
    const to = once(random, 6) ? from : random.pick(sized);
    relations.push(drawRelation(random, `r${at}`, from, to, possible));
  }
  return { entities: [...sized, ...drawNamesake(random, possible)], relations };
}

function drawEntity(
  random: SeededRandom,
  { name, madeBy }: Pick<EntitySpec, 'name' | 'madeBy'>,
  before: readonly EntitySpec[],
  possible: Possible,
): EntitySpec {
  // Half the rows of an entity with a concrete class below are in another table.
  const owners = before.filter(({ key, child }) => key !== 'composite' && key !== 'relation' && child !== 'concrete');
  const kinds = owners.length === 0 ? KEY_KINDS.filter((kind) => kind !== 'relation') : KEY_KINDS;
  const key = random.pick(['serial', 'serial', ...kinds] as const);
  const made: Drawn<EntitySpec> = { name, key, madeBy, rows: 0 };
  if (key === 'relation') made.keyOf = random.pick(owners).name;
  if (once(random, 4)) made.softDelete = true;
  if (once(random, 3)) made.version = possible.dateVersions && once(random, 3) ? 'date' : 'number';
  if (once(random, 6)) made.transformed = true;
  if (once(random, 30)) made.twin = true;
  if (once(random, 30)) made.view = true;
  if (madeBy === 'schema') return made;
  if (once(random, 3)) made.embedded = true;
  // Trees keep their paths by the key as it was given: one column, spelled in one way.
  if (key === 'serial' && once(random, 4)) return { ...made, tree: random.pick(TREES) };
  if (key !== 'relation' && once(random, 5)) made.child = random.pick(['single-table', 'concrete'] as const);
  return made;
}

/** A class that is called as another one. */
function drawNamesake(random: SeededRandom, possible: Possible): EntitySpec[] {
  const places = [
    ...(possible.schemas ? (['schema'] as const) : []),
    ...(possible.otherSources ? (['source'] as const) : []),
  ];
  if (places.length === 0 || !once(random, 30)) return [];
  return [{ name: 'Namesake', key: 'serial', madeBy: 'decorators', rows: 2, namesake: random.pick(places) }];
}
