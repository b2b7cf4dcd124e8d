import type { DataSource, EntityManager, ObjectLiteral, Repository } from 'typeorm';
import type { WorldClasses } from './classes.js';
import type { Class } from './decorate.js';
import { keyColumns, keyOf } from './keys.js';
import { faceOf, facesOf, ownerSide, type Face, type Side } from './world.js';

export type Row = Record<string, unknown>;

/** A world's rows, as a program addresses them: by the name of a class and a number that no write changes. */
export class Rows {
  constructor(
    readonly classes: WorldClasses,
    readonly manager: EntityManager,
  ) {}

  face(name: string): Face {
    return faceOf(this.classes.world, name);
  }

  class(name: string): Class {
    const found = this.classes.byName.get(name);
    if (found === undefined) throw new Error(`No class ${name}`);
    return found;
  }

  repository(name: string): Repository<ObjectLiteral> {
    return this.manager.getRepository<ObjectLiteral>(this.class(name));
  }

  /** The columns of the key of a row, which need not be there. */
  key(name: string, nr: number, spelled = false): Row {
    return keyOf(keyColumns(this.classes.world, this.face(name).spec, this.classes.kind), nr, spelled);
  }

  /** @throws Error when there is no such row: the write that needs it is left out */
  async find(name: string, nr: number, relations: readonly string[] = [], withDeleted = false): Promise<Row> {
    const where = { nr } as never;
    const found = await this.repository(name).findOne({ where, relations: relationsOf(relations), withDeleted });
    if (found === null) throw new Error(`No row ${nr} of ${name}`);
    return found;
  }

  /** What a new row has. */
  fresh(name: string, nr: number, label: string | null): Row {
    const { spec } = this.face(name);
    const generated = spec.key === 'serial';
    return { ...(generated ? {} : this.key(name, nr)), nr, code: `${spec.name}-${nr}`, label };
  }
}

/** `items>owner` and `info.cover` as TypeORM's options want them. */
export function relationsOf(paths: readonly string[]): Record<string, never> {
  const all: Row = {};
  for (const path of paths) {
    let inner = all;
    for (const name of path.split(/[.>]/)) inner = (inner[name] ??= {}) as Row;
  }
  return all as Record<string, never>;
}

/** Fills the tables, and relates the rows: each to the next few of the other side, some to none. */
export async function fillTables(classes: WorldClasses, sources: readonly DataSource[]): Promise<void> {
  const [source, elsewhere] = sources;
  if (source === undefined) throw new Error('A world needs a data source');
  const rows = new Rows(classes, source.manager);
  for (const { name, spec, is } of facesOf(classes.world)) {
    if (is !== 'itself') continue;
    const at = spec.namesake === 'source' && elsewhere !== undefined ? new Rows(classes, elsewhere.manager) : rows;
    await fillTable(at, name);
  }
  for (const spec of classes.world.relations) await relate(rows, ownerSide(spec));
}

export const labelOf = (nr: number): string => ['red', 'green', 'blue'][nr % 3] ?? '';

async function fillTable(rows: Rows, name: string): Promise<void> {
  const { spec } = rows.face(name);
  for (let nr = 1; nr <= spec.rows; nr++) {
    const isBelow = spec.child !== undefined && nr % 2 === 0;
    const row = rows.repository(isBelow ? `${name}Child` : name).create(rows.fresh(name, nr, labelOf(nr)));
    if (spec.embedded === true) Object.assign(row, { info: { note: `n${nr}`, level: nr } });
    if (spec.tree !== undefined && nr > 1) Object.assign(row, { parent: await rows.find(name, Math.floor(nr / 2)) });
    await rows.manager.save(row);
  }
}

async function relate(rows: Rows, { spec, path, isMany }: Side): Promise<void> {
  const from = rows.face(spec.from).spec;
  const to = rows.face(spec.to).spec;
  for (let nr = 1; nr <= Math.min(from.rows, 12); nr++) {
    const isSelf = from === to;
    const others = [nr % to.rows, (nr + 1) % to.rows].map((other) => other + 1);
    const related = (isMany ? others : others.slice(0, 1)).filter((other) => !isSelf || other !== nr);
    if (nr % 3 === 0 || related.length === 0) continue;
    const kind = from.child === 'concrete' && nr % 2 === 0 ? `${spec.from}Child` : spec.from;
    const found = await rows.repository(to.name).find({ where: related.map((other) => ({ nr: other })) as never });
    // A row with a table of its own below the class is not one of the class.
    if (found.length === 0) continue;
    const owner = await rows.find(kind, nr);
    const relation = rows.manager.createQueryBuilder().relation(rows.class(kind), path).of(owner);
    if (isMany) await relation.add(found);
    else await relation.set(found[0]).catch(() => undefined);
  }
}
