import { createHash } from 'node:crypto';
import type { TypeOrmColumn, TypeOrmEmbedded, TypeOrmEntityMetadata, TypeOrmRelation } from './typeorm-types.js';

const HASH_LENGTH = 8;

/**
 * A short hash of what an entity's instances look like. It stands beside the class name in each entry, so that a release in which the entity has changed
 * reads what an older one stored as a miss.
 *
 * Counted is what changes the properties of a loaded instance, or their types: columns (`select: false` too, or a hidden password would come out of old
 * entries), transformers by their text, relations, embedded objects. Not counted is what only the database sees: names of columns, lengths, indices, defaults. The order of
 * declaration does not matter.
 */
export function entityShape(metadata: TypeOrmEntityMetadata): string {
  return createHash('sha256').update(describeShape(metadata).join('\n')).digest('base64url').slice(0, HASH_LENGTH);
}

/** What is hashed, one line for each column, relation and embedded object. */
export function describeShape({ columns = [], embeddeds, relations = [] }: TypeOrmEntityMetadata): string[] {
  return [
    // A virtual column has no property: the foreign key behind a relation, the discriminator of a table.
    ...columns.filter(({ isVirtual }) => isVirtual !== true).map(describeColumn),
    ...relations.map(describeRelation),
    ...describeEmbeddeds(embeddeds),
  ].sort();
}

function describeColumn(column: TypeOrmColumn): string {
  const { isArray, isSelect, propertyPath, transformer, type } = column;
  return words(
    'column',
    propertyPath,
    nameOf(type),
    isArray === true && 'array',
    isSelect === false && 'unselected',
    [transformer ?? []].flat().map(describeTransformer),
  );
}

/** A class's own methods or a literal's: their text is the same in each process of one release. */
function describeTransformer(transformer: unknown): string {
  const { from, to } = transformer as { readonly from?: unknown; readonly to?: unknown };
  return `to ${String(to)} from ${String(from)}`;
}

function describeRelation({ isEager, isLazy, propertyPath, relationType, type }: TypeOrmRelation): string {
  return words(
    'relation',
    propertyPath,
    relationType,
    nameOf(type),
    isLazy ? 'lazy' : false,
    isEager === true && 'eager',
  );
}

function describeEmbeddeds(embeddeds: readonly TypeOrmEmbedded[], path = ''): string[] {
  return embeddeds.flatMap(({ embeddeds: inner, isArray, propertyName, type }) => {
    const here = `${path}${propertyName ?? ''}`;
    return [
      words('embedded', here, nameOf(type), isArray === true && 'array'),
      ...describeEmbeddeds(inner, `${here}.`),
    ];
  });
}

/** As JSON, so that no name can look like two. */
function words(...parts: unknown[]): string {
  return JSON.stringify(parts.filter((part) => part !== false));
}

/** `String`, `varchar`: types are given as a constructor, derived from TypeScript's type, or as a text. */
function nameOf(type: unknown): string {
  return typeof type === 'function' ? type.name : String(type);
}
