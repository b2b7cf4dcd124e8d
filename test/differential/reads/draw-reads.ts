import type { SeededRandom } from '../../../lib/testing/seeded-random.js';
import { viewName } from '../world/classes.js';
import { labelOf } from '../world/rows.js';
import { faceOf, facesOf, sidesOf, type Face, type Side, type World } from '../world/world.js';
import { isThere } from './dependence.js';
import { GIVES, type Filter, type Read } from './read.js';

/** Different reads of one world, of which the library knows enough. */
export function drawReads(random: SeededRandom, world: World, count: number, canCount: boolean): Read[] {
  const reads = new Map<string, Read>();
  for (let tries = 0; reads.size < count && tries < count * 20; tries++) {
    const read = drawRead(random, world, canCount);
    if (read !== undefined && isThere(world, read)) reads.set(JSON.stringify(read), read);
  }
  return [...reads.values()];
}

function drawRead(random: SeededRandom, world: World, canCount: boolean): Read | undefined {
  const face = random.pick(facesOf(world));
  const gives = random.pick(GIVES);
  const plain: Read = {
    ...{ face: face.name, gives, where: { by: 'all' }, relations: [] },
    ...{ strategy: 'join', lists: 'any-change', withDeleted: false },
  };
  const byNumber = { by: random.pick(['nr', 'nr', 'key', 'code'] as const), nr: drawNumber(random, face) };
  switch (gives) {
    case 'view':
      return face.spec.view === true ? { ...plain, face: viewName(face.spec.name) } : undefined;
    case 'roots':
    case 'descendants':
    case 'ancestors':
    case 'descendant-list':
      if (face.spec.tree === undefined || face.is !== 'itself') return undefined;
      return gives === 'roots' ? plain : { ...plain, where: byNumber };
    case 'one':
    case 'dto': {
      const uniques = sidesOf(world, face).filter(({ isOwner, spec }) => isOwner && spec.kind === 'one-to-one');
      const where =
        uniques.length > 0 && random.below(4) === 0 ? byRelated(random, world, random.pick(uniques)) : byNumber;
      if ('nr' in where && where.nr === null) return undefined;
      return { ...plain, where, ...drawRelations(random, world, face), ...drawDeleted(random, face) };
    }
    case 'counted': {
      const sides = sidesOf(world, face).filter(({ isMany, path }) => isMany && !path.includes('.'));
      return canCount && sides.length > 0 ? { ...plain, relations: [random.pick(sides).path] } : undefined;
    }
    default: {
      const where = drawFilter(random, world, face);
      const isFixed = where.by === 'all' || where.by === 'related-key' || where.by === 'plain-column';
      const byMembers = isFixed && (gives === 'list' || gives === 'count') && random.below(2) === 0;
      const relations =
        gives === 'list' || gives === 'page' || gives === 'dtos' ? drawRelations(random, world, face) : {};
      return { ...plain, where, ...relations, ...(byMembers && { lists: 'membership' }), ...drawDeleted(random, face) };
    }
  }
}

/** Mostly of rows that are there, and one that is not, yet. */
function drawNumber(random: SeededRandom, { spec }: Face): number {
  return 1 + random.below(Math.min(spec.rows, 5) + 2);
}

function drawDeleted(random: SeededRandom, { spec, is }: Face): { withDeleted?: true } {
  return spec.softDelete === true && is !== 'twin' && random.below(4) === 0 ? { withDeleted: true } : {};
}

function drawRelations(random: SeededRandom, world: World, face: Face): { relations: string[]; strategy?: 'query' } {
  const relations = new Set<string>();
  for (const side of sidesOf(world, face)) {
    if (random.below(5) < 2) continue;
    relations.add(side.path);
    const further = sidesOf(world, faceOf(world, side.to));
    if (further.length > 0 && random.below(2) === 0) relations.add(`${side.path}>${random.pick(further).path}`);
  }
  return { relations: [...relations], ...(random.below(5) === 0 && { strategy: 'query' }) };
}

function drawFilter(random: SeededRandom, world: World, face: Face): Filter {
  const sides = sidesOf(world, face);
  const by = random.pick(['all', 'label', 'related', 'related', 'related-label'] as const);
  if (by === 'all' || (by !== 'label' && sides.length === 0)) return { by: 'all' };
  if (by === 'label') return { by, label: labelOf(random.below(3)) };
  const side = random.pick(sides);
  if (by === 'related') return byRelated(random, world, side);
  return { by, at: side.path, label: labelOf(random.below(3)) };
}

function byRelated(random: SeededRandom, world: World, side: Side): Filter {
  const nr = random.below(4) === 0 ? null : drawNumber(random, faceOf(world, side.to));
  const by = side.isOwner && side.spec.plainColumn === true && random.below(2) === 0 ? 'plain-column' : 'related-key';
  return { by, at: side.path, nr };
}
