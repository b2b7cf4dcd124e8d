import { describe, expect, it } from 'vitest';

import { ClassRegistry } from '../../../lib/codec/class-registry.js';
import { EntityCatalog } from '../../../lib/codec/entity-metadata.js';
import type { TypeOrmEntityMetadata } from '../../../lib/codec/typeorm-types.js';

class Product {}
class Audit {}
class Place {}

const product: TypeOrmEntityMetadata = {
  name: 'Product',
  target: Product,
  versionColumn: { propertyPath: 'version' },
  updateDateColumn: { propertyPath: 'audit.updatedAt' },
  embeddeds: [
    { type: Audit, embeddeds: [{ type: Place, embeddeds: [] }] },
    { type: Audit, embeddeds: [] },
    { type: 'Audit', embeddeds: [] },
  ],
};

describe('EntityCatalog', () => {
  it('describes an entity: name, class, paths to its stamps, embedded classes', () => {
    expect(new EntityCatalog().add({ entityMetadatas: [product] }).find(Product)).toStrictEqual({
      name: 'Product',
      target: Product,
      versionPath: ['version'],
      updateDatePath: ['audit', 'updatedAt'],
      embeddedClasses: [Audit, Place],
    });
  });

  it('leaves out what an entity does not have, and tables without a class', () => {
    const joinTable = { name: 'product_tags', target: 'product_tags', embeddeds: [] };
    const catalog = new EntityCatalog().add({
      entityMetadatas: [joinTable, { name: 'Place', target: Place, versionColumn: undefined, embeddeds: [] }],
    });
    expect(catalog.find(Place)).toStrictEqual({ name: 'Place', target: Place, embeddedClasses: [] });
    expect(catalog.find(Product)).toBeUndefined();
  });

  it('joins several data sources, and keeps the first description of a class', () => {
    const catalog = new EntityCatalog().add({ entityMetadatas: [product] }).add({
      entityMetadatas: [
        { name: 'Other', target: Product, embeddeds: [] },
        { name: 'Place', target: Place, embeddeds: [] },
      ],
    });
    expect(catalog.find(Product)?.name).toBe('Product');
    expect(catalog.find(Place)?.name).toBe('Place');
  });

  it('registers entities and what is embedded in them', () => {
    const classes = new ClassRegistry().register(Product);
    new EntityCatalog().add({ entityMetadatas: [product] }).registerClasses(classes);
    expect(
      [new Product(), new Audit(), new Place()].map((instance) => classes.ofInstance(instance)?.name),
    ).toStrictEqual(['Product', 'Audit', 'Place']);
  });
});
