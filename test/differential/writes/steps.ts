import type { ObjectLiteral } from 'typeorm';
import type { Row, Rows } from '../world/rows.js';
import { sidesOf, type Side } from '../world/world.js';
import type { Step } from './write.js';

export type RunStep = (step: Step, rows: Rows) => Promise<unknown>;

/** The columns of a new row. */
export function values({ face, nr, label }: Step, rows: Rows): Row {
  return rows.fresh(face, nr, label);
}

export function fresh(step: Step, rows: Rows): ObjectLiteral {
  return rows.repository(step.face).create(values(step, rows));
}

/** The key of a row that brings its key along. */
export function spelledKey({ face, nr, spelled }: Step, rows: Rows): Row {
  return rows.face(face).spec.key === 'serial' ? {} : rows.key(face, nr, spelled);
}

/** The criteria of an update or a deletion. */
export function which({ face, nr, byKey, spelled }: Step, rows: Rows): Row {
  return byKey === true ? rows.key(face, nr, spelled) : { nr };
}

export function sideOf({ face, at }: Step, rows: Rows): Side {
  const found = sidesOf(rows.classes.world, rows.face(face)).find((side) => side.path === at);
  if (found === undefined) throw new Error(`No relation ${at ?? ''} at ${face}`);
  return found;
}

export async function othersOf({ others = [] }: Step, side: Side, rows: Rows): Promise<Row[]> {
  const found: Row[] = [];
  for (const nr of others) found.push(await rows.find(side.to, nr));
  return found;
}
