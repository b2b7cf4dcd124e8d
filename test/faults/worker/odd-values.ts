import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { DistributedCacheService } from 'nestjs-distributed-cache';
import { Column, DataSource, Entity, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';
import type { OddKind, OddOutcome } from './protocol.js';

const MB = 1_024 * 1_024;

/** Loads such a value, or under such a key, twice. */
export async function loadOdd(cache: DistributedCacheService, kind: OddKind, postgresUrl: string): Promise<OddOutcome> {
  const key = ['odd', randomUUID(), kind === 'a key of 1 MB' ? 'k'.repeat(MB) : kind];
  const value = await oddValue(kind, postgresUrl);
  const load = (): Promise<unknown> => cache.getOrLoad(key, () => value, { ttlMs: 5_000 });
  const first = await load();
  const { outcome } = await cache.getOrLoadWithOutcome(key, () => value, { ttlMs: 5_000 });
  return { returned: first === value, hit: outcome === 'HIT' };
}

async function oddValue(kind: OddKind, postgresUrl: string): Promise<unknown> {
  switch (kind) {
    case '50 MB':
      return 'x'.repeat(50 * MB);
    case 'a key of 1 MB':
      return 'value';
    case 'a stream':
      return Readable.from(['a', 'b']);
    case 'a function':
      return () => 1;
    case 'a circular object': {
      const value: { self?: object } = {};
      value.self = value;
      return value;
    }
    case 'an entity with a lazy relation':
      return pet(postgresUrl);
  }
}

class Owner {
  id!: number;
}
PrimaryGeneratedColumn()(Owner.prototype, 'id');
Entity('faults_owner')(Owner);

class Pet {
  id!: number;
  name!: string;
  owner!: Promise<Owner>;
}
PrimaryGeneratedColumn()(Pet.prototype, 'id');
Column('text')(Pet.prototype, 'name');
ManyToOne(() => Owner, { lazy: true })(Pet.prototype, 'owner');
Entity('faults_pet')(Pet);

/** An entity of a data source that the cache was not told of. */
async function pet(url: string): Promise<Pet> {
  const dataSource = new DataSource({ type: 'postgres', url, entities: [Owner, Pet], synchronize: true });
  await dataSource.initialize();
  try {
    const owner = Promise.resolve(await dataSource.manager.save(new Owner()));
    const { id } = await dataSource.manager.save(Object.assign(new Pet(), { name: 'Rex', owner }));
    return await dataSource.manager.findOneByOrFail(Pet, { id });
  } finally {
    await dataSource.destroy();
  }
}
