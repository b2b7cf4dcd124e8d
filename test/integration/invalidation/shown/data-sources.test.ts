import { Column, DataSource, Entity, PrimaryGeneratedColumn, VersionColumn, type DataSourceOptions } from 'typeorm';
import { expect, it, onTestFinished } from 'vitest';
import { openHouse, type CachedRead } from './heard.js';

@Entity()
class Item {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'text' })
  name!: string;

  @VersionColumn({ type: 'int' })
  version!: number;
}

/** A class of the same name, on another table. */
const ArchivedItem = (() => {
  @Entity({ name: 'archived_item' })
  class Item {
    @PrimaryGeneratedColumn({ type: 'int' })
    id!: number;

    @Column({ type: 'text' })
    name!: string;

    @VersionColumn({ type: 'int' })
    version!: number;
  }
  return Item;
})();

const options: DataSourceOptions = { type: 'sqljs', synchronize: true, entities: [Item] };
const item: CachedRead = { entity: Item, load: (manager) => manager.findOneBy(Item, { id: 1 }) };
const rename = (data: DataSource, name: string) => data.manager.save(Item, { id: 1, name });

it('a data source that is initialized after the start is heard', async () => {
  const source = new DataSource(options);
  const { lostBy } = await openHouse([Item], { source });
  await source.initialize();
  await rename(source, 'first');
  expect(await lostBy({ item }, () => rename(source, 'second'))).toEqual(['item']);
});

it('one that is destroyed and initialized again is heard, and left as it was found', async () => {
  const source = new DataSource(options);
  const { initialize } = source;
  const { app, lostBy } = await openHouse([Item], { source });
  for (const name of ['first', 'second']) {
    await source.initialize();
    await rename(source, `${name} life`);
    // under a key of its own, since the database is another one
    expect(await lostBy({ [name]: item }, () => rename(source, `${name} change`))).toEqual([name]);
    await source.destroy();
  }
  await app.close();
  expect([source.initialize, Object.hasOwn(source, 'initialize')]).toEqual([initialize, false]);
});

it('two classes of one name keep their rows and their changes apart', async () => {
  const { lostBy, manager } = await openHouse([Item, ArchivedItem]);
  await manager.save(manager.create(Item, { name: 'a' }));
  await manager.save(manager.create(ArchivedItem, { name: 'b' }));
  const archived: CachedRead = { entity: ArchivedItem, load: (inside) => inside.findOneBy(ArchivedItem, { id: 1 }) };
  expect(await lostBy({ item, archived }, () => manager.save(ArchivedItem, { id: 1, name: 'c' }))).toEqual([
    'archived',
  ]);
  expect(await lostBy({ item, archived }, () => manager.save(Item, { id: 1, name: 'd' }))).toEqual(['item']);
});

it('two data sources whose tables have one name: both are cached, and no version of one refuses a row of the other', async () => {
  const source = await new DataSource(options).initialize();
  const archive = await new DataSource({ ...options, entities: [ArchivedItem] }).initialize();
  onTestFinished(() => archive.destroy());
  // the same name in another database
  const table = archive.entityMetadatas[0];
  if (table !== undefined) Object.assign(table, { tableName: 'item', tablePath: 'item' });
  await archive.query('ALTER TABLE archived_item RENAME TO item');
  const { lostBy } = await openHouse([], { source, cache: { dataSources: [source, archive] } });
  await rename(source, 'a');
  const archived: CachedRead = { entity: ArchivedItem, load: () => archive.manager.findOneBy(ArchivedItem, { id: 1 }) };
  await archive.manager.save(ArchivedItem, { id: 1, name: 'b' });
  expect(await lostBy({ archived }, () => archive.manager.save(ArchivedItem, { id: 1, name: 'c' }))).toEqual([
    'archived',
  ]);
  for (const name of ['x', 'y', 'z']) await rename(source, name);
  expect(await lostBy({ item, archived }, () => rename(source, 'd'))).toContain('item');
  expect(await lostBy({ item, archived }, () => undefined)).toEqual([]);
});

it('one whose database has no query builders, and providers whose accessors throw, keep nobody from starting', async () => {
  const mongo = {
    options: { type: 'mongodb' },
    entityMetadatas: [],
    subscribers: [],
    isInitialized: true,
    createQueryRunner: () => undefined,
    createQueryBuilder: () => {
      throw new Error('Query Builder is not supported by MongoDB.');
    },
  };
  const { lostBy, lines, manager } = await openHouse([Item], { providers: [mongo, new Throwing()] });
  await manager.save(Item, { name: 'a' });
  expect(await lostBy({ item }, () => manager.save(Item, { id: 1, name: 'b' }))).toEqual(['item']);
  expect(lines.join()).not.toContain('MongoDB');
});

class Throwing {
  get createQueryRunner(): never {
    throw new Error('not yet');
  }
}
