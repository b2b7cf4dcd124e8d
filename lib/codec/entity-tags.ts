import { absenceTag, bulkTag, listTag, membersTag, partTag, rowTag } from '../core/tag-names.js';
import { identityOf, tagNameOf } from './entity-identity.js';
import type { EntityCatalog, TypeOrmEntityMetadata, TypeOrmRelation } from './entity-metadata.js';

/** What makes a list outdated: any change of an entity that it lists, or only its members' changes and rows that come and go. */
export type ListInvalidation = 'any-change' | 'membership';

/** More rows of one entity in one entry than this, and any change of that entity outdates it. */
const MAX_PARTS = 100;

interface Parts {
  readonly rows: Set<string>;
  isList: boolean;
}

/**
 * The tags of a value that was cached with `entity`: which changes of rows outdate it. `undefined` stands for a load that failed: nothing is known but that there
 * may be no such row.
 */
export function entityTags(
  value: unknown,
  entity: TypeOrmEntityMetadata,
  { catalog, key, lists }: { readonly catalog: EntityCatalog; readonly key: string; readonly lists: ListInvalidation },
): string[] {
  const walk = new Walk(catalog, key, lists);
  walk.root(value, entity);
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

  root(value: unknown, entity: TypeOrmEntityMetadata): void {
    const name = tagNameOf(entity);
    this.of(name);
    const own = metadataOf(this.catalog, value);
    if (value === null || value === undefined) this.single.add(absenceTag(name));
    else if (own === undefined || tagNameOf(own) !== name) this.of(name).isList = true;
    const pending: unknown[] = [value];
    while (pending.length > 0) this.visit(pending.pop(), value, pending);
  }

  tags(): string[] {
    const tags = [...this.single];
    for (const [name, { rows, isList }] of this.parts) {
      const any = rows.size > MAX_PARTS || (isList && this.lists === 'any-change');
      if (any) tags.push(listTag(name));
      else tags.push(...rows, ...(isList ? [membersTag(name)] : []));
      tags.push(bulkTag(name, this.key));
    }
    return tags;
  }

  private visit(value: unknown, root: unknown, pending: unknown[]): void {
    if (typeof value !== 'object' || value === null || this.seen.has(value)) return;
    this.seen.add(value);
    if (value instanceof Uint8Array) return;
    const metadata = metadataOf(this.catalog, value);
    if (metadata !== undefined) this.row(metadata, value, value === root);
    for (const inner of contentOf(value)) pending.push(inner);
  }

  private row(metadata: TypeOrmEntityMetadata, value: object, isRoot: boolean): void {
    const name = tagNameOf(metadata);
    const id = identityOf(metadata, value);
    const parts = this.of(name);
    // Its key was not selected: which row it is cannot be told.
    if (id === undefined) this.single.add(listTag(name));
    else if (isRoot) this.single.add(rowTag(name, id));
    else parts.rows.add(partTag(name, id));
    for (const relation of metadata.relations ?? []) this.relation(relation, value);
  }

  /** What a relation says by what it does not hold. */
  private relation(relation: TypeOrmRelation, value: object): void {
    const { propertyName, inverseEntityMetadata: inverse } = relation;
    const held = (value as Record<string, unknown>)[relation.isLazy ? `__${propertyName}__` : propertyName];
    if (inverse === undefined || held === undefined) return;
    if (relation.isOneToMany || relation.isManyToMany) this.of(tagNameOf(inverse)).isList = true;
    if (held !== null || relation.isOwning) return;
    this.of(tagNameOf(inverse));
    this.single.add(absenceTag(tagNameOf(inverse)));
  }

  private of(name: string): Parts {
    const known = this.parts.get(name);
    if (known !== undefined) return known;
    const made: Parts = { rows: new Set(), isList: false };
    this.parts.set(name, made);
    return made;
  }
}

function metadataOf(catalog: EntityCatalog, value: unknown): TypeOrmEntityMetadata | undefined {
  return typeof value === 'object' && value !== null ? catalog.sourceOfInstance(value) : undefined;
}

function contentOf(value: object): readonly unknown[] {
  if (value instanceof Map) return [...value.keys(), ...value.values()] as unknown[];
  return value instanceof Set ? [...(value as Set<unknown>)] : Object.values(value);
}
