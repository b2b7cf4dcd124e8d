import { absenceTag, bulkTag, listTag, membersTag, partTag, rowTag } from '../core/tag-names.js';
import { identityFrom, identityOf, tableNameOf } from './entity-identity.js';
import type { EntityCatalog } from './entity-metadata.js';
import { heldBy, hiddenRows, mappedValues } from './entity-relations.js';
import type { TypeOrmEntityMetadata, TypeOrmRelation } from './typeorm-types.js';

/** What makes a list outdated: any change of an entity that it lists, or only its members' changes and rows that come and go. */
export type ListInvalidation = 'any-change' | 'membership';

/** What is said of a value beside itself. */
export interface Dependence {
  /** The entity that is cached, in each data source that has it. */
  readonly entity: readonly TypeOrmEntityMetadata[];
  /** Entities on which the value depends although it need not show them. */
  readonly others: readonly TypeOrmEntityMetadata[];
  /** The rows that the value was made of, where it is not made of their instances: of each its entity, and its key. */
  readonly rows?: readonly (readonly [entity: readonly TypeOrmEntityMetadata[], id: unknown])[] | undefined;
  readonly lists: ListInvalidation;
}

/** More rows of one entity in one entry than this, and any change of that entity outdates it. */
const MAX_PARTS = 100;

interface Parts {
  readonly rows: Set<string>;
  /** Rows that come or go concern it. */
  isList: boolean;
  /** Any change of the entity concerns it. */
  isAny: boolean;
}

/**
 * The tags of a value that was cached with `entity`: which changes of rows outdate it. `undefined` stands for a load that failed: nothing is known but that there
 * may be no such row.
 *
 * @throws TypeError when `rows` names a row without a key
 */
export function entityTags(value: unknown, dependence: Dependence, catalog: EntityCatalog, key: string): string[] {
  const walk = new Walk(catalog, key, dependence.lists);
  walk.through(value, dependence);
  return walk.tags();
}

/** Looks for entities everywhere in a value, once each. */
class Walk {
  private readonly seen = new Set<object>();
  private readonly parts = new Map<string, Parts>();
  private readonly single = new Set<string>();

  constructor(
    private readonly catalog: EntityCatalog,
    private readonly key: string,
    private readonly lists: ListInvalidation,
  ) {}

  through(value: unknown, { entity, others, rows }: Dependence): void {
    for (const other of others) this.of(tableNameOf(other)).isAny = true;
    for (const named of rows ?? []) this.named(...named);
    const pending: unknown[] = [value];
    while (pending.length > 0) this.visit(pending.pop(), value, pending);
    for (const name of new Set(entity.map(tableNameOf))) this.root(name, value, rows);
  }

  tags(): string[] {
    const tags = [...this.single];
    for (const [name, { rows, isList, isAny }] of this.parts) {
      if (isAny || rows.size > MAX_PARTS || (isList && this.lists === 'any-change')) tags.push(listTag(name));
      else tags.push(...rows, ...(isList ? [membersTag(name)] : []));
      tags.push(bulkTag(name, this.key));
    }
    return tags;
  }

  /** What the value says of its entity as a whole. */
  private root(name: string, value: unknown, rows: Dependence['rows']): void {
    const parts = this.of(name);
    if (value === null || value === undefined) this.single.add(absenceTag(name));
    else if (rows !== undefined && rows.length > 0) return;
    else if (!this.isOf(name, value)) {
      parts.isList = true;
      // Rows that do not show as instances, a plain object made of their columns: any of them may have changed.
      if (parts.rows.size === 0 && !showsNoRows(value)) parts.isAny = true;
    }
  }

  private named(entity: readonly TypeOrmEntityMetadata[], id: unknown): void {
    if (entity.length === 0)
      throw new TypeError(
        'rows: expected the rows of entities, but no data source has one of the classes. Name the class that TypeORM knows: [[Product, id]].',
      );
    for (const metadata of entity) {
      const identity = identityFrom(metadata, id);
      if (identity === undefined)
        throw new TypeError(
          `rows: expected the key of a row of ${metadata.name}, but got a value of type ${id === null ? 'null' : typeof id}. Give the key's value, or an object of all its columns: [[${metadata.name}, id]].`,
        );
      const name = tableNameOf(metadata);
      this.of(name).rows.add(partTag(name, identity));
    }
  }

  private visit(value: unknown, root: unknown, pending: unknown[]): void {
    if (typeof value !== 'object' || value === null || this.seen.has(value)) return;
    this.seen.add(value);
    if (value instanceof Uint8Array) return;
    for (const metadata of metadatasOf(this.catalog, value)) this.row(metadata, value, value === root);
    for (const inner of contentOf(value)) pending.push(inner);
  }

  private row(metadata: TypeOrmEntityMetadata, value: object, isRoot: boolean): void {
    const name = tableNameOf(metadata);
    const id = identityOf(metadata, value);
    const parts = this.of(name);
    // Its key was not selected: which row it is cannot be told.
    if (id === undefined) parts.isAny = true;
    else if (isRoot) this.single.add(rowTag(name, id));
    else parts.rows.add(partTag(name, id));
    for (const relation of metadata.relations ?? []) this.relation(relation, heldBy(value, relation));
    for (const inverse of hiddenRows(metadata, value)) this.of(tableNameOf(inverse)).isAny = true;
    // Mapped onto a property of its own, by a condition that only the query knows.
    for (const mapped of mappedValues(metadata, value))
      for (const one of metadatasOf(this.catalog, mapped)) this.of(tableNameOf(one)).isAny = true;
  }

  /** What a relation says by what it does not hold. */
  private relation(relation: TypeOrmRelation, held: unknown): void {
    const { inverseEntityMetadata: inverse } = relation;
    if (inverse === undefined || held === undefined) return;
    const name = tableNameOf(inverse);
    const parts = this.of(name);
    // Rows of an entity without a class are plain objects, which are not found in the value.
    if (
      [held]
        .flat()
        .some((row) => typeof row === 'object' && row !== null && metadatasOf(this.catalog, row).length === 0)
    )
      parts.isAny = true;
    if (relation.isOneToMany || relation.isManyToMany) parts.isList = true;
    // Keys in the place of rows (`loadRelationIds`): another row may take the place of the one whose key it is.
    else if (held !== null && typeof held !== 'object' && !relation.isOwning) parts.isAny = true;
    else if (held === null && mayAppear(relation, inverse)) this.single.add(absenceTag(name));
  }

  private isOf(name: string, value: unknown): boolean {
    return metadatasOf(this.catalog, value).some((metadata) => tableNameOf(metadata) === name);
  }

  private of(name: string): Parts {
    const known = this.parts.get(name);
    if (known !== undefined) return known;
    const made: Parts = { rows: new Set(), isList: false, isAny: false };
    this.parts.set(name, made);
    return made;
  }
}

function metadatasOf(catalog: EntityCatalog, value: unknown): readonly TypeOrmEntityMetadata[] {
  return typeof value === 'object' && value !== null ? catalog.sourcesOfInstance(value) : [];
}

/** Whether a related row may appear without a change of this one: its foreign key is over there, or it is marked as deleted, or the database does not look after it. */
function mayAppear(relation: TypeOrmRelation, inverse: TypeOrmEntityMetadata): boolean {
  return !relation.isOwning || inverse.deleteDateColumn !== undefined || relation.createForeignKeyConstraints === false;
}

/** How many rows there are, whether there is one, or an empty list: no column of a row. */
function showsNoRows(value: unknown): boolean {
  return ['number', 'bigint', 'boolean'].includes(typeof value) || (Array.isArray(value) && value.length === 0);
}

function contentOf(value: object): readonly unknown[] {
  if (value instanceof Map) return [...value.keys(), ...value.values()] as unknown[];
  return value instanceof Set ? [...(value as Set<unknown>)] : Object.values(value);
}
