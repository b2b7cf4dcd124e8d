import type { SeededRandom } from '../../../lib/testing/seeded-random.js';
import { KEY_KINDS, ROWS_OF_A_LARGE_TABLE, TREES, type EntitySpec, type RelationSpec, type World } from './world.js';

/** What a database, or a line of TypeORM, does not have. */
export interface Possible {
  readonly schemas: boolean;
  readonly otherSources: boolean;
  readonly relationCount: boolean;
}

/** Once in so many. */
const once = (random: SeededRandom, inSoMany: number): boolean => random.below(inSoMany) === 0;

type Drawn<T> = { -readonly [K in keyof T]: T[K] };

/** A world with a few features, and every feature in one world or another. */
export function drawWorld(random: SeededRandom, possible: Possible): World {
  const count = random.pick([2, 2, 3]);
  const entities: EntitySpec[] = [];
  // TypeORM relates the entities of schemas and those of decorated classes among themselves only.
  const madeBy = once(random, 6) ? 'schema' : 'decorators';
  for (const name of ['A', 'B', 'C'].slice(0, count)) entities.push(drawEntity(random, name, madeBy, entities));
  const large = once(random, 8) ? random.below(count) : -1;
  const sized = entities.map((spec, at) => {
    const few = spec.key === 'relation' ? 3 : 3 + random.below(2);
    return { ...spec, rows: at === large && spec.tree === undefined && few > 3 ? ROWS_OF_A_LARGE_TABLE : few };
  });
  const related = sized.map(({ name }) => name);
  const relations: RelationSpec[] = [];
  for (let at = 1; at <= random.pick([1, 2, 2, 3]); at++) {
    const from = spec(sized, random.pick(related));
    // a relation of an entity to itself is one in six
    const to = once(random, 6) ? from : spec(sized, random.pick(related));
    relations.push(drawRelation(random, `r${at}`, from, to, possible));
  }
  return { entities: [...sized, ...drawNamesake(random, possible)], relations };
}

function spec(entities: readonly EntitySpec[], name: string): EntitySpec {
  return entities.find((one) => one.name === name)!;
}

function drawEntity(
  random: SeededRandom,
  name: string,
  madeBy: EntitySpec['madeBy'],
  before: readonly EntitySpec[],
): EntitySpec {
  // Half the rows of an entity with a concrete class below are in another table.
  const owners = before.filter(({ key, child }) => key !== 'composite' && key !== 'relation' && child !== 'concrete');
  const kinds = owners.length === 0 ? KEY_KINDS.filter((kind) => kind !== 'relation') : KEY_KINDS;
  const key = random.pick(['serial', 'serial', ...kinds] as const);
  const made: Drawn<EntitySpec> = { name, key, madeBy, rows: 0 };
  if (key === 'relation') made.keyOf = random.pick(owners).name;
  if (once(random, 4)) made.softDelete = true;
  if (once(random, 3)) made.version = random.pick(['number', 'number', 'date'] as const);
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

function drawRelation(
  random: SeededRandom,
  name: string,
  from: EntitySpec,
  to: EntitySpec,
  possible: Possible,
): RelationSpec {
  const kind = random.pick(['many-to-one', 'one-to-one', 'many-to-many', 'many-to-many'] as const);
  const made: Drawn<RelationSpec> = { name, from: from.name, to: to.name, kind };
  const isSingleKey = to.key !== 'composite';
  if (!once(random, 3)) made.inverse = true;
  if (once(random, 5)) made.byCode = true;
  if (once(random, 4)) made.cascade = true;
  // TypeORM makes the foreign key twice in the table of the class below.
  const canBeEmbedded = from.embedded === true && from.child !== 'concrete';
  if (canBeEmbedded && once(random, 2)) made.embedded = 'owner';
  else if (to.embedded === true && made.inverse === true && once(random, 2)) made.embedded = 'inverse';
  if (once(random, 6) && made.embedded === undefined)
    made.lazy = made.inverse === true ? random.pick(['owner', 'inverse'] as const) : 'owner';
  // Eager relations of a ring would load without end.
  if (from.name < to.name && made.lazy === undefined && once(random, 8)) made.eager = true;
  if (kind === 'many-to-one' && made.inverse === true && once(random, 2))
    made.orphans = random.pick([
      'nullify',
      'delete',
      'disable',
      ...(from.softDelete === true ? (['soft-delete'] as const) : []),
    ] as const);
  if (kind !== 'many-to-many' && made.byCode !== true && isSingleKey && made.embedded !== 'owner' && once(random, 3))
    made.plainColumn = true;
  if (
    kind === 'many-to-many' &&
    from.name !== to.name &&
    isSingleKey &&
    from.key !== 'composite' &&
    from.child !== 'concrete' &&
    once(random, 4)
  )
    made.junction = true;
  if (made.embedded === undefined && made.byCode !== true && once(random, 4))
    made.ids = made.inverse === true ? random.pick(['owner', 'inverse'] as const) : 'owner';
  const ofMany = kind === 'many-to-many' ? 'owner' : 'inverse';
  if (
    possible.relationCount &&
    made.embedded === undefined &&
    (ofMany === 'owner' || made.inverse === true) &&
    once(random, 6) &&
    (ofMany === 'owner' ? from : to).madeBy === 'decorators'
  )
    made.count = ofMany;
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
