/** What a program's tables and classes are: plain data, so that it can be printed, replayed and shrunk. */
export interface World {
  readonly entities: readonly EntitySpec[];
  readonly relations: readonly RelationSpec[];
}

export const KEY_KINDS = [
  ...(['serial', 'uuid', 'bigint', 'text', 'char', 'numeric', 'date', 'composite', 'relation'] as const),
];
export type KeyKind = (typeof KEY_KINDS)[number];

export const TREES = ['materialized-path', 'closure-table', 'nested-set'] as const;

/** Every entity has a key, `nr` (never changed: rows are addressed by it), `code` (unique), `label` and `size`. */
export interface EntitySpec {
  readonly name: string;
  readonly key: KeyKind;
  /** With the key `relation`: the entity whose key is its key too. */
  readonly keyOf?: string;
  readonly madeBy: 'decorators' | 'schema';
  readonly rows: number;
  readonly softDelete?: boolean;
  readonly version?: 'number' | 'date';
  /** The label goes through a transformer. */
  readonly transformed?: boolean;
  /** It has an embedded object `info` with columns; relations may be in it too. */
  readonly embedded?: boolean;
  readonly tree?: (typeof TREES)[number];
  /** A class below it: in the same table, or with a table of its own. */
  readonly child?: 'single-table' | 'concrete';
  /** A second class on the same table. */
  readonly twin?: boolean;
  /** A view counts its rows by label. */
  readonly view?: boolean;
  /** Its class has the name of the first entity's; its table lies in another schema, or in another data source. */
  readonly namesake?: 'schema' | 'source';
}

/** A relation is a property `name` of its owner and, with `inverse`, a property `nameBack` of the other side. */
export interface RelationSpec {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly kind: 'many-to-one' | 'one-to-one' | 'many-to-many';
  readonly inverse?: boolean;
  readonly lazy?: 'owner' | 'inverse';
  readonly eager?: boolean;
  /** Joined by the other unique column, not by the key. */
  readonly byCode?: boolean;
  /** Which side's property is in its embedded object. */
  readonly embedded?: 'owner' | 'inverse';
  readonly cascade?: boolean;
  readonly orphans?: 'nullify' | 'delete' | 'soft-delete' | 'disable';
  /** The foreign key is a column of the class too. */
  readonly plainColumn?: boolean;
  /** Which side has a property with the keys of the related rows. */
  readonly ids?: 'owner' | 'inverse';
  /** Which side has a property with the number of the related rows; TypeORM 0.3 only. */
  readonly count?: 'owner' | 'inverse';
  /** An entity is mapped on the junction table. */
  readonly junction?: boolean;
}

export const ROWS_OF_A_LARGE_TABLE = 104;

/** A class that is read and written: an entity's own, one below it, or its twin. */
export interface Face {
  readonly name: string;
  readonly spec: EntitySpec;
  readonly is: 'itself' | 'child' | 'twin';
}

export function facesOf(world: World): Face[] {
  return world.entities.flatMap((spec): Face[] => [
    { name: spec.name, spec, is: 'itself' },
    ...(spec.child === undefined ? [] : [{ name: `${spec.name}Child`, spec, is: 'child' as const }]),
    ...(spec.twin === true ? [{ name: `${spec.name}Twin`, spec, is: 'twin' as const }] : []),
  ]);
}

export function faceOf(world: World, name: string): Face {
  const found = facesOf(world).find((face) => face.name === name);
  if (found === undefined) throw new Error(`No class ${name} in this world`);
  return found;
}

/** A relation, seen from one side. */
export interface Side {
  readonly spec: RelationSpec;
  readonly isOwner: boolean;
  /** With a dot when it is in the embedded object. */
  readonly path: string;
  readonly to: string;
  readonly isMany: boolean;
  readonly isLazy: boolean;
}

export function sidesOf(world: World, { spec: { name }, is }: Face): Side[] {
  if (is === 'twin') return [];
  return world.relations.flatMap((spec) => [
    ...(spec.from === name ? [ownerSide(spec)] : []),
    ...(spec.to === name && spec.inverse === true ? [inverseSide(spec)] : []),
  ]);
}

export function ownerSide(spec: RelationSpec): Side {
  const path = spec.embedded === 'owner' ? `info.${spec.name}` : spec.name;
  const isMany = spec.kind === 'many-to-many';
  return { spec, isOwner: true, path, to: spec.to, isMany, isLazy: spec.lazy === 'owner' };
}

export function inverseSide(spec: RelationSpec): Side {
  const path = spec.embedded === 'inverse' ? `info.${spec.name}Back` : `${spec.name}Back`;
  const isMany = spec.kind !== 'one-to-one';
  return { spec, isOwner: false, path, to: spec.from, isMany, isLazy: spec.lazy === 'inverse' };
}

/** Where a path leads, one relation or two (`items>owner`): of each the side. */
export function sidesOnPath(world: World, face: Face, path: string): Side[] {
  const [first = '', ...rest] = path.split('>');
  const side = sidesOf(world, face).find((one) => one.path === first);
  if (side === undefined) throw new Error(`No relation ${first} at ${face.name}`);
  return [side, ...(rest.length === 0 ? [] : sidesOnPath(world, faceOf(world, side.to), rest.join('>')))];
}
