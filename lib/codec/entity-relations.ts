import type { TypeOrmEntityMetadata, TypeOrmRelation } from './typeorm-types.js';

/** What an instance holds of a relation, inside embedded objects too; undefined: it was not loaded. */
export function heldBy(value: object, { isLazy, propertyName, propertyPath }: TypeOrmRelation): unknown {
  const holder = propertyPath.split('.').slice(0, -1).reduce<unknown>(propertyOf, value);
  return propertyOf(holder, isLazy ? `__${propertyName}__` : propertyName);
}

/**
 * The entities whose rows an instance tells of without holding them: by their keys (`@RelationId`) or their number (`loadRelationCountAndMap`). The latter is mapped onto any property, which is known by not being
 * one of the entity; such a property that holds a number, a list or null may tell of any relation whose rows are not told by the row itself.
 */
export function hiddenRows(metadata: TypeOrmEntityMetadata, value: object): TypeOrmEntityMetadata[] {
  const told = [...(metadata.relationIds ?? []), ...(metadata.relationCounts ?? [])]
    .filter(({ propertyName }) => propertyOf(value, propertyName) !== undefined)
    .map(({ relation }) => relation);
  const relations = hasMappedProperty(metadata, value) ? (metadata.relations ?? []) : told;
  return relations
    .filter((relation) => relation.isManyToMany || !relation.isOwning)
    .flatMap(({ inverseEntityMetadata: inverse }) => inverse ?? []);
}

const ownProperties = new WeakMap<TypeOrmEntityMetadata, ReadonlySet<string>>();

function hasMappedProperty(metadata: TypeOrmEntityMetadata, value: object): boolean {
  return mappedValues(metadata, value).some((held) => held === null || typeof held === 'number' || Array.isArray(held));
}

/** What an instance holds in properties that are none of its entity. */
export function mappedValues(metadata: TypeOrmEntityMetadata, value: object): unknown[] {
  const known = ownProperties.get(metadata) ?? propertiesOf(metadata);
  ownProperties.set(metadata, known);
  return Object.entries(value).flatMap(([name, held]) => (known.has(name) ? [] : [held as unknown]));
}

function propertiesOf({ columns = [], relations = [], ...rest }: TypeOrmEntityMetadata): ReadonlySet<string> {
  const paths = [...columns, ...relations].map(({ propertyPath }) => propertyPath.split('.', 1)[0] ?? '');
  const lazy = relations.filter(({ isLazy }) => isLazy).map(({ propertyName }) => `__${propertyName}__`);
  const told = [...(rest.relationIds ?? []), ...(rest.relationCounts ?? [])].map(({ propertyName }) => propertyName);
  const embedded = rest.embeddeds.flatMap(({ propertyName }) => propertyName ?? []);
  return new Set([...paths, ...lazy, ...told, ...embedded]);
}

function propertyOf(holder: unknown, name: string): unknown {
  return typeof holder === 'object' && holder !== null ? (holder as Record<string, unknown>)[name] : undefined;
}
