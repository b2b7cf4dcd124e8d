import { IsNull, type FindManyOptions, type ObjectLiteral, type TreeRepository } from 'typeorm';
import { keyColumns } from '../world/keys.js';
import { plainColumnOf } from '../world/members.js';
import { relationsOf, type Row, type Rows } from '../world/rows.js';
import { sidesOnPath, type Side } from '../world/world.js';
import type { Read } from './read.js';

const LARGE_PAGE = 3;

/** What the loader of a cached read does, and the fresh read that it is compared with. */
export function runRead(read: Read, rows: Rows): Promise<unknown> {
  return RUN[read.gives](read, rows);
}

const RUN: Readonly<Record<Read['gives'], (read: Read, rows: Rows) => Promise<unknown>>> = {
  one: (read, rows) => rows.repository(read.face).findOne(optionsOf(read, rows)),
  list: (read, rows) => rows.repository(read.face).find(optionsOf(read, rows)),
  page: async (read, rows) => {
    const order = { label: 'ASC', size: 'DESC', ...orderOf(read, rows) } as const;
    const options = { ...optionsOf(read, rows), order, skip: 1, take: LARGE_PAGE };
    const [items, total] = await rows.repository(read.face).findAndCount(options);
    return { items, total };
  },
  count: (read, rows) => rows.repository(read.face).count(optionsOf(read, rows)),
  exists: (read, rows) => rows.repository(read.face).exists(optionsOf(read, rows)),
  dto: async (read, rows) => {
    const found = await rows.repository(read.face).findOne(optionsOf(read, rows));
    return found === null ? null : dtoOf(found, read.relations);
  },
  dtos: async (read, rows) => {
    const found = await rows.repository(read.face).find(optionsOf(read, rows));
    return Promise.all(found.map((row) => dtoOf(row, read.relations)));
  },
  ids: (read, rows) =>
    rows.repository(read.face).find({ ...optionsOf(read, rows), relations: {}, loadRelationIds: true }),
  counted,
  roots: (read, rows) => trees(read, rows).findTrees(),
  descendants: async (read, rows) => {
    const root = await rows.repository(read.face).findOne(optionsOf(read, rows));
    return root === null ? null : trees(read, rows).findDescendantsTree(root);
  },
  ancestors: async (read, rows) => {
    const leaf = await rows.repository(read.face).findOne(optionsOf(read, rows));
    return leaf === null ? null : trees(read, rows).findAncestorsTree(leaf);
  },
  'descendant-list': async (read, rows) => {
    const root = await rows.repository(read.face).findOne(optionsOf(read, rows));
    const found = root === null ? [] : await trees(read, rows).findDescendants(root);
    return found.sort((a, b) => Number(a['nr']) - Number(b['nr']));
  },
  view: (read, rows) => rows.repository(read.face).find({ order: { label: 'ASC' } }),
};

function trees(read: Read, rows: Rows): TreeRepository<ObjectLiteral> {
  return rows.manager.getTreeRepository<ObjectLiteral>(rows.class(read.face));
}

/** `loadRelationCountAndMap()`, which went with TypeORM 1. */
function counted(read: Read, rows: Rows): Promise<unknown> {
  const query = rows.repository(read.face).createQueryBuilder('row').orderBy('row.nr');
  const { loadRelationCountAndMap } = query as unknown as {
    loadRelationCountAndMap?: (to: string, relation: string) => typeof query;
  };
  if (loadRelationCountAndMap === undefined) throw new Error('This TypeORM has no loadRelationCountAndMap()');
  for (const path of read.relations) loadRelationCountAndMap.call(query, `row.${path}Counted`, `row.${path}`);
  return query.getMany();
}

async function dtoOf(row: Row, relations: readonly string[]): Promise<Row> {
  const dto: Row = { nr: row['nr'], code: row['code'], label: row['label'], size: row['size'] };
  for (const path of relations) {
    if (path.includes('>')) continue;
    const related: unknown = await at(row, path);
    const labels = [related].flat().map((one) => (one as Row | null | undefined)?.['label']);
    dto[path] = labels.sort().join(' ');
  }
  return dto;
}

export function at(row: unknown, path: string): unknown {
  return path.split('.').reduce((inner, name) => (inner as Row | null | undefined)?.[name], row);
}

function orderOf({ face }: Read, rows: Rows): Record<string, 'ASC'> {
  const columns = keyColumns(rows.classes.world, rows.face(face).spec, rows.classes.kind);
  return Object.fromEntries(columns.map(({ property }) => [property, 'ASC']));
}

function optionsOf(read: Read, rows: Rows): FindManyOptions<ObjectLiteral> {
  return {
    where: whereOf(read, rows),
    relations: relationsOf(read.relations),
    order: orderOf(read, rows),
    relationLoadStrategy: read.strategy,
    withDeleted: read.withDeleted,
  };
}

function whereOf({ where, face }: Read, rows: Rows): Row {
  const of = (path: string): Side => sidesOnPath(rows.classes.world, rows.face(face), path)[0]!;
  const keyOf = (side: Side, nr: number): Row =>
    side.spec.byCode === true && side.isOwner ? { code: `${side.to}-${nr}` } : rows.key(side.to, nr);
  switch (where.by) {
    case 'all':
      return {};
    case 'nr':
      return { nr: where.nr };
    case 'key':
      return rows.key(face, where.nr);
    case 'code':
      return { code: `${rows.face(face).spec.name}-${where.nr}` };
    case 'label':
      return { label: where.label };
    case 'related-label':
      return nested(where.at, { label: where.label });
    case 'plain-column': {
      const [key] = Object.values(where.nr === null ? {} : rows.key(of(where.at).to, where.nr));
      return { [plainColumnOf(of(where.at).spec)]: key ?? IsNull() };
    }
    case 'related-key': {
      const side = of(where.at);
      if (where.nr !== null) return nested(where.at, keyOf(side, where.nr));
      return nested(where.at, side.isOwner && !side.isMany ? IsNull() : { nr: IsNull() });
    }
  }
}

function nested(path: string, value: unknown): Row {
  return path
    .split('.')
    .reverse()
    .reduce((inner: unknown, name) => ({ [name]: inner }), value) as Row;
}
