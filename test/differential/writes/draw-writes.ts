import type { SeededRandom } from '../../../lib/testing/seeded-random.js';
import type { DatabaseKind } from '../databases/database.js';
import { labelOf } from '../world/rows.js';
import { faceOf, facesOf, sidesOf, type Face, type Side, type World } from '../world/world.js';
import { FRAMES, STEP_KINDS, type Step, type StepKind, type Write } from './write.js';

export interface WhatFits {
  readonly world: World;
  readonly kind: DatabaseKind;
  readonly hasInsertSelect: boolean;
  /** Entities whose rows stay. */
  readonly fixed: ReadonlySet<string>;
}

export function drawWrites(random: SeededRandom, what: WhatFits, count: number): Write[] {
  return Array.from({ length: count }, () => drawWrite(random, what));
}

function drawWrite(random: SeededRandom, what: WhatFits): Write {
  const frame = random.pick(FRAMES);
  const first = drawStep(random, what);
  const more = frame !== 'plain' && (frame === 'savepoint' || frame === 'inner-rolled-back' || random.below(2) === 0);
  const steps = [first, ...(more ? [drawStep(random, what)] : [])];
  const isElsewhere = ({ face }: Step): boolean => faceOf(what.world, face).spec.namesake === 'source';
  // A transaction is one data source's.
  return { by: random.pick([0, 1]), frame, steps: steps.filter((step) => isElsewhere(step) === isElsewhere(first)) };
}

function drawStep(random: SeededRandom, what: WhatFits): Step {
  for (;;) {
    const face = random.pick(facesOf(what.world));
    const kind = random.pick(STEP_KINDS);
    const sides = sidesOf(what.world, face).filter((side) => fitsSide(kind, side));
    const side = NEEDS_SIDE.has(kind) ? (sides.length === 0 ? undefined : random.pick(sides)) : undefined;
    if ((NEEDS_SIDE.has(kind) && side === undefined) || !fits(kind, face, what)) continue;
    if (removedBy(kind, face, side).some((entity) => what.fixed.has(entity))) continue;
    const step = {
      ...{ do: kind, face: face.name, nr: BEARS.has(kind) ? newNumber(random, kind, face) : knownNumber(random, face) },
      ...(side && { at: side.path, others: drawOthers(random, kind, faceOf(what.world, side.to), side) }),
      ...(OF_ONE_OTHER.has(kind) && { others: [knownNumber(random, face)] }),
      label: labelOf(random.below(3)),
    };
    // A parent is always the older one, so that no node is above itself.
    if (kind === 'tree-move' && (step.others?.[0] ?? 1) >= step.nr) continue;
    const isKeyed = face.spec.key !== 'serial' && random.below(2) === 0;
    return {
      ...step,
      ...(isKeyed && { spelled: true }),
      ...(random.below(2) === 0 && { byKey: true }),
      ...drawOptions(random, kind),
    };
  }
}

const NEEDS_SIDE = new Set<StepKind>([
  ...(['save-related', 'save-cascade', 'save-plain-column', 'insert-related', 'update-related'] as const),
  ...(['relation-add', 'relation-remove', 'relation-set', 'link', 'unlink'] as const),
]);
const BEARS = new Set<StepKind>([
  ...(['save-new', 'insert', 'insert-related', 'upsert-key', 'upsert-code', 'query-insert'] as const),
  ...(['query-upsert', 'insert-select', 'tree-add'] as const),
]);
const OF_ONE_OTHER = new Set<StepKind>(['insert-select', 'tree-move', 'tree-add']);
const REMOVES = new Set<StepKind>([
  ...(['delete', 'remove', 'soft-remove', 'recover', 'soft-delete'] as const),
  ...(['restore', 'query-delete', 'insert-again'] as const),
  // What is joined by its code is related to nothing, or to something else, then.
  'save-code',
]);

/** A row that is not there yet, or, seldom where that is refused, one that is. */
function newNumber(random: SeededRandom, kind: StepKind, face: Face): number {
  if (random.below(kind.includes('upsert') ? 2 : 8) === 0) return knownNumber(random, face);
  return face.spec.rows + 1 + random.below(4);
}

/** A row that is there from the beginning: the even ones are of the class below, where there is one. */
function knownNumber(random: SeededRandom, { spec, is }: Face): number {
  const nr = 1 + random.below(Math.min(spec.rows, 5));
  const isBelow = is === 'child';
  const isAbove = is === 'itself' && spec.child === 'concrete';
  if (isBelow && nr % 2 === 1) return nr === 1 ? 2 : nr - 1;
  return isAbove && nr % 2 === 0 ? nr - 1 : nr;
}

function drawOthers(random: SeededRandom, kind: StepKind, to: Face, side: Side): number[] {
  if (kind === 'save-cascade') return [newNumber(random, kind, to)];
  const other = (): number => knownNumber(random, to);
  const isOne = !side.isMany || kind.startsWith('relation-') || kind.includes('link');
  const isEmptied = (kind === 'save-related' || kind === 'relation-set') && random.below(4) === 0;
  if (isEmptied) return [];
  return isOne ? [other()] : [...new Set([other(), other()])];
}

function drawOptions(random: SeededRandom, kind: StepKind): Pick<Step, 'options'> {
  if (!kind.startsWith('save') || random.below(2) === 0) return {};
  const choices = [{ reload: false }, { transaction: false }, { chunk: 1 }];
  return { options: random.pick([...choices, { listeners: false }]) };
}

function fitsSide(kind: StepKind, { spec, isOwner, isMany, path }: Side): boolean {
  switch (kind) {
    case 'save-cascade':
      return spec.cascade === true;
    case 'save-plain-column':
      return isOwner && spec.plainColumn === true;
    case 'insert-related':
    case 'update-related':
      return isOwner && !isMany && !path.includes('.');
    case 'relation-add':
    case 'relation-remove':
      return isMany;
    case 'relation-set':
      return !isMany;
    case 'link':
    case 'unlink':
      return spec.junction === true;
    default:
      return true;
  }
}

function fits(kind: StepKind, { spec, is }: Face, { kind: database, hasInsertSelect }: WhatFits): boolean {
  const isTree = spec.tree !== undefined;
  switch (kind) {
    case 'soft-remove':
    case 'recover':
    case 'soft-delete':
    case 'restore':
      return spec.softDelete === true && is !== 'twin';
    case 'tree-move':
    case 'tree-add':
      return isTree && is === 'itself';
    case 'insert-select':
      return hasInsertSelect && spec.key === 'serial' && !isTree && is === 'itself' && spec.child === undefined;
    case 'query-cte':
      return database !== 'mariadb';
    // A node that is written without TypeORM's care for the tree is none of it.
    case 'save-new':
    case 'insert':
    case 'insert-related':
    case 'upsert-key':
    case 'upsert-code':
    case 'query-insert':
    case 'query-upsert':
    case 'save-partial':
    case 'insert-again':
    case 'delete':
    case 'query-delete':
      return !isTree;
    default:
      return true;
  }
}

/** The entities of which rows go, come back, or are joined by something else. */
function removedBy(kind: StepKind, { spec }: Face, side: Side | undefined): string[] {
  if (REMOVES.has(kind)) return [spec.name];
  const { orphans } = side?.spec ?? {};
  const removesOrphans = side?.isOwner === false && (orphans === 'delete' || orphans === 'soft-delete');
  return removesOrphans ? [side.to] : [];
}
