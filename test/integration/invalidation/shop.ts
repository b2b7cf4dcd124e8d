import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { Module, type INestApplicationContext, type OnApplicationShutdown, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ChildEntity,
  Column,
  DataSource,
  DeleteDateColumn,
  Entity,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  OneToOne,
  JoinColumn,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  TableInheritance,
  UpdateDateColumn,
  VersionColumn,
  type Relation,
} from 'typeorm';
import { inject } from 'vitest';
import {
  DistributedCacheModule,
  DistributedCacheService,
  inProcessLock,
  memoryStore,
  type CacheEvent,
  type DistributedCacheOptions,
} from '../../../lib/index.js';
import { redisStore } from '../../../lib/redis.js';
import { PATIENT_CALLS } from '../../support/patient.js';

@Entity()
export class Category {
  @PrimaryGeneratedColumn({ type: 'bigint' })
  id!: string;

  @Column({ type: 'text' })
  name!: string;

  @OneToMany(() => Product, (product) => product.category)
  products!: Relation<Product[]>;
}

@Entity()
export class Label {
  @PrimaryColumn({ type: 'text' })
  name!: string;
}

@Entity()
export class Product {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'text', unique: true })
  sku!: string;

  @Column({ type: 'int', default: 1 })
  price!: number;

  @ManyToOne(() => Category, (category) => category.products, { nullable: true })
  category!: Relation<Category> | null;

  @ManyToMany(() => Label)
  @JoinTable()
  labels!: Label[];

  @OneToOne(() => Manual, (manual) => manual.product)
  manual!: Relation<Manual> | null;

  @VersionColumn({ type: 'int' })
  version!: number;

  @UpdateDateColumn({ type: 'timestamptz' })
  updatedAt!: Date;

  @DeleteDateColumn({ type: 'timestamptz', nullable: true })
  deletedAt!: Date | null;
}

@Entity()
export class Manual {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @OneToOne(() => Product, (product) => product.manual)
  @JoinColumn()
  product!: Relation<Product>;
}

@Entity()
export class Stock {
  @PrimaryColumn({ type: 'int' })
  shop!: number;

  @PrimaryColumn({ type: 'text' })
  shelf!: string;

  @Column({ type: 'int' })
  pieces!: number;

  @VersionColumn({ type: 'int' })
  version!: number;
}

@Entity()
@TableInheritance({ column: { name: 'kind', type: 'text' } })
export class Animal {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'text' })
  name!: string;
}

@ChildEntity()
export class Dog extends Animal {
  @Column({ type: 'int', nullable: true })
  tricks!: number | null;
}

const ENTITIES = [Category, Label, Product, Manual, Stock, Animal, Dog];

export const STORES = {
  memory: () => memoryStore(),
  redis: () => redisStore({ url: inject('redisUrl') }),
};

/** One instance of an application with a database: PostgreSQL, in a schema of its own. */
export interface Shop {
  readonly app: INestApplicationContext;
  readonly cache: DistributedCacheService;
  readonly data: DataSource;
  readonly events: CacheEvent[];
  close(): Promise<void>;
}

export interface ShopOptions extends DistributedCacheOptions {
  readonly schema: string;
  readonly poolSize?: number;
}

export async function openShop({ schema, poolSize = 4, ...cache }: ShopOptions): Promise<Shop> {
  const events: CacheEvent[] = [];
  const data = new DataSource({
    type: 'postgres',
    url: inject('postgresUrl'),
    schema,
    entities: ENTITIES,
    poolSize,
  });
  class RootModule implements OnApplicationShutdown {
    onApplicationShutdown(): Promise<void> {
      return data.destroy();
    }
  }
  Module({
    // As `TypeOrmModule` registers it, which itself knows one line of TypeORM only.
    providers: [{ provide: DataSource, useFactory: () => data.initialize() }],
    imports: [
      DistributedCacheModule.forRoot({
        lock: inProcessLock(),
        observers: [{ observe: (event) => void events.push(event) }],
        namespace: schema,
        ...PATIENT_CALLS,
        announceTimeoutMs: PATIENT_CALLS.storeTimeoutMs,
        ...cache,
      }),
    ],
  })(RootModule);
  const app = await NestFactory.createApplicationContext(RootModule as Type, { logger: ['error'] });
  return {
    app,
    cache: app.get(DistributedCacheService),
    data,
    events,
    close: () => app.close(),
  };
}

/** A schema with empty tables. */
export async function makeSchema(): Promise<{ schema: string; drop(): Promise<void> }> {
  const schema = `shop_${randomUUID().replaceAll('-', '')}`;
  const admin = new DataSource({ type: 'postgres', url: inject('postgresUrl'), schema, entities: ENTITIES });
  await admin.initialize();
  await admin.query(`CREATE SCHEMA "${schema}"`);
  await admin.synchronize();
  return {
    schema,
    drop: async () => {
      await admin.query(`DROP SCHEMA "${schema}" CASCADE`);
      await admin.destroy();
    },
  };
}
