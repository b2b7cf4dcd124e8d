import type { DatabaseKind } from '../databases/database.js';
import { keyColumns } from './keys.js';
import { inverseSide, ownerSide, type EntitySpec, type RelationSpec, type World } from './world.js';

/** One property of a class, as both ways of describing an entity need it. */
export type Member = { readonly property: string; readonly inInfo?: boolean } & (
  | { readonly is: 'column'; readonly options: ColumnFacts; readonly isKey?: boolean; readonly isGenerated?: boolean }
  | { readonly is: 'version' | 'update-date' | 'delete-date'; readonly options: ColumnFacts }
  | RelationMember
  | { readonly is: 'ids' | 'count'; readonly of: string }
  | { readonly is: 'tree-children' | 'tree-parent' }
);

export type ColumnFacts = Readonly<Record<string, unknown>> & { readonly type: string };

export interface RelationMember {
  readonly is: 'relation';
  readonly type: 'one-to-one' | 'one-to-many' | 'many-to-one' | 'many-to-many';
  readonly to: string;
  readonly inverse?: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly joinColumns?: readonly Record<string, string>[];
  readonly joinTable?: Readonly<Record<string, unknown>>;
}

const asStars = {
  to: (value: unknown): unknown => (typeof value === 'string' ? `*${value}` : value),
  from: (value: unknown): unknown => (typeof value === 'string' ? value.replace(/^\*/, '') : value),
};

/** The properties that an entity's class has of its own. */
export function membersOf(world: World, spec: EntitySpec, database: DatabaseKind): Member[] {
  return [
    ...keyMembers(world, spec, database),
    ...plainMembers(spec, database),
    ...stampMembers(spec, database),
    ...world.relations.flatMap((relation) => [
      ...(relation.from === spec.name ? ownerMembers(world, relation, database) : []),
      ...(relation.to === spec.name ? inverseMembers(relation) : []),
    ]),
    ...(spec.tree === undefined
      ? []
      : ([
          { property: 'children', is: 'tree-children' },
          { property: 'parent', is: 'tree-parent' },
        ] as const)),
  ];
}

/** What a second class on the same table has: its columns and no more. */
export function twinMembers(world: World, spec: EntitySpec, database: DatabaseKind): Member[] {
  return [...keyMembers(world, spec, database, true), ...plainMembers({ ...spec, embedded: false }, database)];
}

function keyMembers(world: World, spec: EntitySpec, database: DatabaseKind, isTwin = false): Member[] {
  const columns = keyColumns(world, spec, database).map(({ property, options }): Member => ({
    property,
    is: 'column',
    options: spec.key === 'serial' ? { type: options.type } : options,
    isKey: true,
    isGenerated: spec.key === 'serial',
  }));
  if (spec.key !== 'relation' || isTwin) return columns;
  const relation: RelationMember = {
    is: 'relation',
    type: 'one-to-one',
    to: spec.keyOf ?? '',
    options: {},
    joinColumns: [{ name: 'ownerId' }],
  };
  return [...columns, { property: 'owner', ...relation }];
}

function plainMembers(spec: EntitySpec, database: DatabaseKind): Member[] {
  const text = { type: 'varchar', length: 40 };
  const whole = { type: database === 'postgres' ? 'int4' : 'int' };
  const label = { ...text, nullable: true, ...(spec.transformed === true && { transformer: asStars }) };
  return [
    { property: 'nr', is: 'column', options: { ...whole, unique: true } },
    { property: 'code', is: 'column', options: { ...text, unique: true } },
    { property: 'label', is: 'column', options: label },
    { property: 'size', is: 'column', options: { ...whole, default: 0 } },
    ...(spec.embedded === true
      ? ([
          { property: 'note', inInfo: true, is: 'column', options: { ...text, nullable: true } },
          { property: 'level', inInfo: true, is: 'column', options: { ...whole, default: 0 } },
        ] as const)
      : []),
  ];
}

function stampMembers({ version, softDelete }: EntitySpec, database: DatabaseKind): Member[] {
  const moment = {
    postgres: { type: 'timestamptz' },
    mariadb: { type: 'datetime', precision: 6 },
    sqljs: { type: 'datetime' },
  }[database];
  const whole = { type: database === 'postgres' ? 'int4' : 'int' };
  return [
    ...(version === 'number' ? [{ property: 'version', is: 'version', options: whole } as const] : []),
    ...(version === 'date' ? [{ property: 'changedAt', is: 'update-date', options: moment } as const] : []),
    ...(softDelete === true
      ? [{ property: 'deletedAt', is: 'delete-date', options: { ...moment, nullable: true } } as const]
      : []),
  ];
}

export const plainColumnOf = ({ name }: RelationSpec): string => `${name}Key`;

function ownerMembers(world: World, spec: RelationSpec, database: DatabaseKind): Member[] {
  const side = ownerSide(spec);
  const inInfo = spec.embedded === 'owner';
  const target = world.entities.find(({ name }) => name === spec.to);
  const key = target === undefined ? [] : keyColumns(world, target, database);
  const plain = plainColumnOf(spec);
  const relation: RelationMember = {
    is: 'relation',
    type: spec.kind,
    to: spec.to,
    ...(spec.inverse === true && { inverse: inverseSide(spec).path }),
    options: {
      ...(side.isMany ? {} : { nullable: true }),
      ...(side.isLazy && { lazy: true }),
      ...(spec.eager === true && { eager: true }),
      ...(spec.cascade === true && { cascade: true }),
      ...(spec.orphans !== undefined && { orphanedRowAction: spec.orphans }),
    },
    ...(spec.kind === 'many-to-many' ? { joinTable: joinTable(world, spec, database) } : {}),
    ...(spec.kind !== 'many-to-many' && { joinColumns: joinColumns(spec, plain) }),
  };
  return [
    { property: spec.name, ...relation, inInfo },
    ...(spec.plainColumn === true && key[0] !== undefined
      ? [{ property: plain, is: 'column', options: { ...key[0].options, nullable: true } } as const]
      : []),
    ...(spec.ids === 'owner' ? [{ property: `${spec.name}Ids`, is: 'ids', of: side.path } as const] : []),
    ...(spec.count === 'owner' ? [{ property: `${spec.name}Count`, is: 'count', of: side.path } as const] : []),
  ];
}

function joinColumns(spec: RelationSpec, plain: string): Record<string, string>[] {
  if (spec.byCode === true) return [{ name: `${spec.name}_code`, referencedColumnName: 'code' }];
  return spec.plainColumn === true ? [{ name: plain }] : [];
}

function joinTable(world: World, spec: RelationSpec, database: DatabaseKind): Record<string, unknown> {
  const of = (entity: string): string => {
    const found = world.entities.find(({ name }) => name === entity);
    return spec.byCode === true || found === undefined
      ? 'code'
      : (keyColumns(world, found, database)[0]?.property ?? '');
  };
  if (spec.byCode !== true && spec.junction !== true) return {};
  const [near, far] = [{ referencedColumnName: of(spec.from) }, { referencedColumnName: of(spec.to) }];
  // A class below, with a table of its own, has a junction table of its own too.
  if (spec.junction !== true) return { joinColumn: near, inverseJoinColumn: far };
  return {
    name: junctionTable(spec),
    joinColumn: { ...near, name: 'near' },
    inverseJoinColumn: { ...far, name: 'far' },
  };
}

export const junctionTable = ({ name }: RelationSpec): string => `${name}_links`;

function inverseMembers(spec: RelationSpec): Member[] {
  if (spec.inverse !== true) return [];
  const side = inverseSide(spec);
  const relation: RelationMember = {
    is: 'relation',
    type: spec.kind === 'many-to-one' ? 'one-to-many' : spec.kind,
    to: spec.from,
    inverse: ownerSide(spec).path,
    options: { ...(side.isLazy && { lazy: true }), ...(spec.cascade === true && { cascade: ['insert', 'update'] }) },
  };
  return [
    { property: `${spec.name}Back`, ...relation, inInfo: spec.embedded === 'inverse' },
    ...(spec.ids === 'inverse' ? [{ property: `${spec.name}BackIds`, is: 'ids', of: side.path } as const] : []),
    ...(spec.count === 'inverse' ? [{ property: `${spec.name}BackCount`, is: 'count', of: side.path } as const] : []),
  ];
}
