import type { DatabaseKind } from '../databases/database.js';
import type { EntitySpec, KeyKind, World } from './world.js';

/** Columns of a key: the property, TypeORM's options, and its value in the row with a number. */
export interface KeyColumn {
  readonly property: string;
  readonly options: Readonly<Record<string, unknown>> & { readonly type: string };
  readonly value: (nr: number) => string | number;
  /** Another text or type that the database takes for the same value. */
  readonly spelled: (nr: number) => string | number;
}

/** Large, but within what a number of JavaScript keeps. */
const BIG = 9_007_199_254_000;
const two = (nr: number): string => String(nr).padStart(2, '0');
const hex = (nr: number): string => `aaaaaaaa-bbbb-4ccc-8ddd-${nr.toString(16).padStart(8, '0')}cafe`;
const day = (nr: number): string => `20${two(10 + Math.floor(nr / 28))}-0${1 + (nr % 9)}-${two(1 + (nr % 28))}`;

function column(kind: KeyKind, database: DatabaseKind): Omit<KeyColumn, 'property'> {
  switch (kind) {
    case 'uuid': {
      const type = database === 'sqljs' ? 'varchar' : 'uuid';
      return { options: { type }, value: hex, spelled: (nr) => hex(nr).toUpperCase() };
    }
    case 'bigint':
      return {
        options: { type: 'bigint' },
        value: (nr) => String(BIG + nr),
        spelled: (nr) => `00${BIG + nr}`,
      };
    case 'text':
      return {
        options: { type: 'varchar', length: 40 },
        value: (nr) => `key-${nr}`,
        spelled: (nr) => (database === 'mariadb' ? `KEY-${nr}` : `key-${nr}`),
      };
    case 'char':
      return {
        options: { type: database === 'sqljs' ? 'character' : 'char', length: 8 },
        value: (nr) => `k${nr}`.padEnd(database === 'postgres' ? 8 : 0),
        spelled: (nr) => `k${nr}`,
      };
    case 'numeric':
      return {
        options: { type: 'decimal', precision: 12, scale: 2 },
        value: (nr) => (database === 'sqljs' ? nr + 0.5 : `${nr}.50`),
        spelled: (nr) => `0${nr}.5`,
      };
    case 'date':
      return { options: { type: 'date' }, value: day, spelled: (nr) => day(nr).replaceAll('-0', '-') };
    default:
      return { options: { type: database === 'postgres' ? 'int4' : 'int' }, value: (nr) => nr, spelled: String };
  }
}

/** The columns of an entity's key. The key that is a relation has the column of the other entity's key. */
export function keyColumns(world: World, spec: EntitySpec, database: DatabaseKind): readonly KeyColumn[] {
  if (spec.key === 'composite')
    return [
      { property: 'id', ...column('serial', database) },
      { property: 'part', ...column('text', database) },
    ];
  if (spec.key !== 'relation') return [{ property: 'id', ...column(spec.key, database) }];
  const owner = world.entities.find(({ name }) => name === spec.keyOf);
  if (owner === undefined) throw new Error(`No entity ${spec.keyOf ?? ''} for the key of ${spec.name}`);
  return keyColumns(world, owner, database).map((one) => ({ ...one, property: 'ownerId' }));
}

export function keyOf(columns: readonly KeyColumn[], nr: number, spelled = false): Record<string, string | number> {
  return Object.fromEntries(
    columns.map(({ property, ...one }) => [property, spelled ? one.spelled(nr) : one.value(nr)]),
  );
}
