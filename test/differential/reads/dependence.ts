import { facesOf, faceOf, sidesOf, sidesOnPath, type Side, type World } from '../world/world.js';
import type { Read } from './read.js';

/** The entities on which an answer depends and of which it may show nothing. */
export function hiddenEntities(world: World, read: Read): string[] {
  const { where, gives } = read;
  const hidden = new Set<string>();
  if (where.by === 'related-label') hidden.add(filterSide(world, read, where.at).to);
  if (where.by === 'related-key') {
    const side = filterSide(world, read, where.at);
    if (!side.isOwner && side.spec.kind !== 'many-to-many') hidden.add(side.to);
  }
  // `loadRelationIds` leaves the property away where there is no row on the other side.
  if (gives === 'ids')
    for (const { spec, isOwner, to } of sidesOf(world, faceOf(world, read.face)))
      if (!isOwner && spec.kind === 'one-to-one') hidden.add(to);
  // Numbers, and texts taken from related rows.
  if (gives === 'dto' || gives === 'dtos' || gives === 'counted')
    for (const path of read.relations)
      for (const side of sidesOnPath(world, faceOf(world, read.face), path)) hidden.add(side.to);
  return [...hidden];
}

/**
 * The entities whose rows must not come or go, nor change what they are joined by, so that the filter depends only on the class that is read: on its foreign keys, or on the rows of its junction tables.
 */
export function fixedEntities(world: World, read: Read): string[] {
  const { where } = read;
  return where.by === 'related-key' ? [filterSide(world, read, where.at).to] : [];
}

function filterSide(world: World, read: Read, at: string): Side {
  return sidesOnPath(world, faceOf(world, read.face), at)[0]!;
}

/** What a careful user gives as `entity`. Only here: by names, the class that is read first. */
export function entitiesOf(world: World, read: Read): readonly string[] {
  if (read.gives === 'view') return [read.face];
  return [read.face, ...hiddenEntities(world, read)];
}

/** Whether the world has what is read. */
export function isThere(world: World, read: Read): boolean {
  return read.gives === 'view' || facesOf(world).some(({ name }) => name === read.face);
}
