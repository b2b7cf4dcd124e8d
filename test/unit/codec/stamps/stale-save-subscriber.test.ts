import { describe, expect, it } from 'vitest';

import type { EntityMetadata } from '../../../../lib/codec/entity-metadata.js';
import { StaleSaveSubscriber } from '../../../../lib/codec/stamps/stale-save-subscriber.js';

class Product {}

const counted: EntityMetadata = { name: 'Product', target: Product, versionPath: ['version'], embeddedClasses: [] };
const dated: EntityMetadata = { name: 'Product', target: Product, updateDatePath: ['at'], embeddedClasses: [] };

function told(entity: EntityMetadata | undefined, event: object): string[] {
  const lines: string[] = [];
  const subscriber = new StaleSaveSubscriber(
    (target) => (target === Product ? entity : undefined),
    ({ name }, message) => void lines.push(`${name}: ${message}`),
  );
  subscriber.afterUpdate({ metadata: { target: Product }, ...event });
  return lines;
}

describe('StaleSaveSubscriber', () => {
  it('tells of a version that was written back, of a plain object too', () => {
    const event = {
      entity: { version: 1 },
      databaseEntity: { version: 2 },
      updatedColumns: [{ propertyPath: 'version' }],
    };
    expect(told(counted, event)).toEqual([
      'Product: save() gave a Product the version 1, older than the 2 its row had. The entity was read before another change and wrote its old value back. ' +
        'Declare @VersionColumn({ update: false }); the database gives it a new value all the same.',
    ]);
  });

  it('tells of a stamp that was taken earlier', () => {
    const event = { entity: { at: new Date(1) }, databaseEntity: { at: new Date(2) }, updatedColumns: [] };
    expect(told(dated, event)).toMatchObject([expect.stringContaining('stamped it with an earlier time')]);
  });

  it.each<[string, EntityMetadata | undefined, object]>([
    ['a version that rises', counted, { entity: { version: 3 }, databaseEntity: { version: 2 } }],
    ['an equal one', counted, { entity: { version: 2 }, databaseEntity: { version: 2 } }],
    ['an update without the row', counted, { entity: { version: 1 }, databaseEntity: undefined }],
    ['an entity that is not cached', undefined, { entity: { version: 1 }, databaseEntity: { version: 2 } }],
    [
      'a version that throws',
      counted,
      {
        entity: {
          get version() {
            throw new Error('lazy');
          },
        },
        databaseEntity: { version: 2 },
      },
    ],
    ['an event without anything', counted, { metadata: undefined }],
  ])('is silent about %s', (_, entity, event) => {
    expect(told(entity, event)).toEqual([]);
  });

  it('never throws, whatever the listener does', () => {
    const subscriber = new StaleSaveSubscriber(
      () => counted,
      () => {
        throw new Error('log');
      },
    );
    expect(() => subscriber.afterUpdate({ entity: { version: 1 }, databaseEntity: { version: 2 } })).not.toThrow();
  });
});
