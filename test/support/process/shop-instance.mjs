// An instance of a Nest application that writes through TypeORM, in a process of its own, driven by messages from a test. It runs what was built, by the package's own name.
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { DistributedCacheModule, DistributedCacheService, inProcessLock } from 'nestjs-distributed-cache';
import { redisStore } from 'nestjs-distributed-cache/redis';
import { DataSource, EntitySchema } from 'typeorm';
import { obey } from './obey.mjs';

class Item {}
const ItemSchema = new EntitySchema({
  name: 'Item',
  target: Item,
  tableName: 'item',
  columns: {
    id: { type: 'int', primary: true },
    price: { type: 'int' },
    version: { type: 'int', version: true },
  },
});

class ShopModule {}

/** What belongs to the application that is open. */
let cache, context, data;

async function open({ namespace, redisUrl, postgresUrl, schema, holdAnnouncements, options }) {
  data = await new DataSource({ type: 'postgres', url: postgresUrl, schema, entities: [ItemSchema] }).initialize();
  /** The store of the options, whose announcements stop for ever when the test says so: after the commit, and before anybody hears of it. */
  const store = {
    description: 'held',
    async createVersionedStore(context) {
      const inner = await redisStore({ url: redisUrl }).createVersionedStore(context);
      if (!holdAnnouncements) return inner;
      inner.announce = () => {
        process.send({ event: 'announcing' });
        return new Promise(() => undefined);
      };
      return inner;
    },
  };
  context = await NestFactory.createApplicationContext(
    {
      module: ShopModule,
      imports: [
        DistributedCacheModule.forRoot({
          namespace,
          store,
          lock: inProcessLock(),
          dataSources: [data],
          observers: [{ observe: ({ type }) => process.send({ event: type }) }],
          log: false,
          ...options,
        }),
      ],
    },
    { logger: false },
  );
  cache = context.get(DistributedCacheService);
}

const commands = {
  open,
  price: async () =>
    (await cache.getOrLoad(['item'], () => data.manager.findOneBy(Item, { id: 1 }), { entity: Item })).price,
  write: async ({ price }) => {
    await data.manager.save(Item, { id: 1, price });
  },
  close: async () => {
    await context.close();
    await data.destroy();
  },
};

obey(commands);
