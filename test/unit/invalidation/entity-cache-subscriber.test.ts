import 'reflect-metadata';
import { Column, DataSource, Entity, PrimaryGeneratedColumn, VersionColumn } from 'typeorm';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { TagChange } from '../../../lib/core/tagging.js';
import { EntityCacheSubscriber } from '../../../lib/invalidation/typeorm/entity-cache.subscriber.js';
import { column, entity, inOneDatabase } from './fake-entities.js';

@Entity()
class Item {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'int', default: 1 })
  price!: number;

  @VersionColumn({ type: 'int' })
  version!: number;
}

const versionOf = (_: unknown, row: unknown) =>
  typeof row === 'object' && row !== null && 'version' in row
    ? { kind: 'version', order: BigInt(row.version as number) }
    : undefined;

describe('the version of an updated row', () => {
  const product = entity('product', [column('id', 'int')]);
  inOneDatabase('postgres', product);

  it.each([
    ['goes with the change', { id: 1, version: 6 }, { kind: 'version', order: 6n }],
    ['is not the one that was replaced: the saved object was not reloaded', { id: 1, version: 5 }, undefined],
  ])('%s', async (_, saved, version) => {
    const told: TagChange[] = [];
    const announce = (changes: readonly TagChange[]): Promise<void> => Promise.resolve(void told.push(...changes));
    await new EntityCacheSubscriber({ announce, versionOf, bulkChanges: true }).afterUpdate({
      queryRunner: { isTransactionActive: false },
      metadata: product,
      entity: saved,
      databaseEntity: { id: 1, version: 5 },
      updatedColumns: [column('price', 'int')],
    });
    expect(told.find(({ tag }) => tag === 'row:product:1')?.version).toEqual(version);
  });
});

describe('statements that call no listeners', () => {
  it('are in the outbox before the commit, and are announced once', async () => {
    const data = await new DataSource({ type: 'sqljs', synchronize: true, entities: [Item] }).initialize();
    const written: TagChange[][] = [];
    const announced: number[] = [];
    const subscriber = new EntityCacheSubscriber({
      announce: (changes) => Promise.resolve(void announced.push(changes.length)),
      versionOf,
      bulkChanges: true,
      outbox: {
        write: (_runner, changes) => {
          written.push([...changes]);
          return Promise.resolve({} as never);
        },
        passedBy: () => undefined,
      },
    });
    data.subscribers.push(subscriber as never);
    subscriber.watch(data);
    onTestFinished(async () => {
      subscriber.unwatch(data);
      await data.destroy();
    });
    await data.manager.save(data.manager.create(Item, {}), { listeners: false });
    expect(written.map((changes) => changes.map(({ tag }) => tag))).toEqual([
      expect.arrayContaining(['bulk:item:#0']) as unknown,
    ]);
    expect(announced).toEqual([32]);
    // the connection is the same, and this transaction changes nothing
    await data.transaction((manager) => manager.find(Item));
    expect(announced).toEqual([32]);
  });
});
