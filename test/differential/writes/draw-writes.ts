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
    const bound = Math.min(face.spec.rows, 5);
    const step = {
      ...{ do: kind, face: face.name, nr: BEARS.has(kind) ? newNumber(random, face) : 1 + random.below(bound) },
      ...(side && { at: side.path, others: drawOthers(random, kind, faceOf(what.world, side.to), side) }),
      ...(OF_ONE_OTHER.has(kind) && { others: [1 + random.below(bound)] }),
      label: labelOf(random.below(3)),
    };
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
  ...(['query-upsert', 'insert-select', 'tree-add', 'save-partial'] as const),
]);
const OF_ONE_OTHER = new Set<StepKind>(['insert-select', 'tree-move', 'tree-add']);
const REMOVES = new Set<StepKind>([
  ...([
    'delete',
    'remove',
    'soft-remove',
    'recover',
    'soft-delete',
    'restore',
    'query-delete',
    'insert-again',
  ] as const),
]);
const SOFT = new Set<StepKind>(['soft-remove', 'recover', 'soft-delete', 'restore']);

/** A row that is there, or one that is not yet. */
function newNumber(random: SeededRandom, { spec: { rows } }: Face): number {
  return random.below(3) === 0 ? 1 + random.below(rows) : rows + 1 + random.below(4);
}

function drawOthers(random: SeededRandom, kind: StepKind, to: Face, side: Side): number[] {
  if (kind === 'save-cascade') return [newNumber(random, to)];
  const other = (): number => 1 + random.below(Math.min(to.spec.rows, 5));
  const isOne = !side.isMany || kind.startsWith('relation-') || kind.includes('link');
  const isEmptied = (kind === 'save-related' || kind === 'relation-set') && random.below(4) === 0;
  if (isEmptied) return [];
  return isOne ? [other()] : [...new Set([other(), other()])];
}

function drawOptions(random: SeededRandom, kind: StepKind): Pick<Step, 'options'> {
  if (!kind.startsWith('save') || random.below(2) === 0) return {};
  return { options: random.pick([{ reload: false }, { transaction: false }, { chunk: 1 }] as const) };
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

/** The entities of which rows go, or come back. */
function removedBy(kind: StepKind, { spec }: Face, side: Side | undefined): string[] {
  if (REMOVES.has(kind) || SOFT.has(kind)) return [spec.name];
  const { orphans } = side?.spec ?? {};
  const removesOrphans = side?.isOwner === false && (orphans === 'delete' || orphans === 'soft-delete');
  return removesOrphans ? [side.to] : [];
}
