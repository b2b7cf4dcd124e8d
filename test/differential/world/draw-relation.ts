import type { SeededRandom } from '../../../lib/testing/seeded-random.js';
import type { EntitySpec, RelationSpec } from './world.js';

export type Drawn<T> = { -readonly [K in keyof T]: T[K] };

/** Once in so many. */
export const once = (random: SeededRandom, inSoMany: number): boolean => random.below(inSoMany) === 0;

/** A relation between two entities, of every kind that TypeORM can make of them. */
export function drawRelation(
  random: SeededRandom,
  name: string,
  from: EntitySpec,
  to: EntitySpec,
  { relationCount }: { readonly relationCount: boolean },
): RelationSpec {
  const isOfTwoTables = from.name === to.name && from.child === 'concrete';
  // TypeORM cannot read a many-to-many relation to itself that a class with another table inherits.
  const many = isOfTwoTables ? 'many-to-one' : 'many-to-many';
  const kind = random.pick(['many-to-one', 'one-to-one', many, many] as const);
  const made: Drawn<RelationSpec> = { name, from: from.name, to: to.name, kind };
  if (!once(random, 3)) made.inverse = true;
  if (once(random, 5)) made.byCode = true;
  if (once(random, 4)) made.cascade = true;
  drawPlace(random, made, from, to);
  // Eager relations of a ring would load without end.
  if (from.name < to.name && made.lazy === undefined && once(random, 8)) made.eager = true;
  if (kind === 'many-to-one' && made.inverse === true && once(random, 2)) made.orphans = drawOrphans(random, from);
  if (kind === 'many-to-many') {
    if (canMapJunction(from, to) && once(random, 2)) made.junction = true;
  } else if (made.byCode !== true && to.key !== 'composite' && made.embedded !== 'owner' && once(random, 3))
    made.plainColumn = true;
  if (made.embedded !== undefined) return made;
  const eitherSide = made.inverse === true ? random.pick(['owner', 'inverse'] as const) : 'owner';
  if (made.byCode !== true && once(random, 4)) made.ids = eitherSide;
  if (relationCount && once(random, 6)) drawCount(made, from, to);
  return made;
}

/** In an embedded object, or lazy. */
function drawPlace(random: SeededRandom, made: Drawn<RelationSpec>, from: EntitySpec, to: EntitySpec): void {
  // TypeORM makes the foreign key twice in the table of the class below.
  if (from.embedded === true && from.child !== 'concrete' && once(random, 2)) made.embedded = 'owner';
  else if (to.embedded === true && made.inverse === true && once(random, 2)) made.embedded = 'inverse';
  else if (once(random, 6)) made.lazy = made.inverse === true ? random.pick(['owner', 'inverse'] as const) : 'owner';
}

function drawOrphans(random: SeededRandom, { softDelete }: EntitySpec): NonNullable<RelationSpec['orphans']> {
  return random.pick(['nullify', 'delete', 'disable', softDelete === true ? 'soft-delete' : 'delete'] as const);
}

function canMapJunction(from: EntitySpec, to: EntitySpec): boolean {
  const areSingleKeys = from.key !== 'composite' && to.key !== 'composite';
  return from.name !== to.name && areSingleKeys && from.child !== 'concrete';
}

/** Of a relation to many; TypeORM cannot count those of a class to itself, and has no way to say it in a schema. */
function drawCount(made: Drawn<RelationSpec>, from: EntitySpec, to: EntitySpec): void {
  const side = made.kind === 'many-to-many' ? 'owner' : 'inverse';
  const isThere = side === 'owner' || (made.inverse === true && made.kind === 'many-to-one');
  if (isThere && from.madeBy === 'decorators' && from.name !== to.name) made.count = side;
}
