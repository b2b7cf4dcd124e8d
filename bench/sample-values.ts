import 'reflect-metadata';
import { Column, DataSource, Entity, PrimaryGeneratedColumn, UpdateDateColumn, VersionColumn } from 'typeorm';

/** Some 2 KB of plain JSON: a page of a list. */
export const PLAIN_VALUE = {
  page: 1,
  items: Array.from({ length: 20 }, (_, index) => ({
    id: index,
    name: `item number ${index}`,
    price: index * 1.5,
    tags: ['new', 'offer'],
    text: 'a line of some length',
  })),
};

/** An entity of twenty columns of the usual types. */
@Entity()
export class Product {
  @PrimaryGeneratedColumn() id!: number;
  @Column('text') name!: string;
  @Column('text') description!: string;
  @Column('text') sku!: string;
  @Column('text') category!: string;
  @Column('text') brand!: string;
  @Column('int') stock!: number;
  @Column('float') price!: number;
  @Column('float') weight!: number;
  @Column('boolean') isActive!: boolean;
  @Column('boolean') isFeatured!: boolean;
  @Column('timestamptz') releasedAt!: Date;
  @Column('timestamptz') discontinuedAt!: Date | null;
  @Column('jsonb') attributes!: Record<string, unknown>;
  @Column('simple-array') labels!: string[];
  @Column('text') supplier!: string | null;
  @Column('int') minimumOrder!: number;
  @Column('timestamptz') createdAt!: Date;
  @UpdateDateColumn() updatedAt!: Date;
  @VersionColumn() version!: number;
}

export function sampleProduct(): Product {
  return Object.assign(new Product(), {
    id: 42,
    name: 'A thing with a name',
    description: 'What one would say of it in two or three sentences, none of which is very long. '.repeat(3),
    sku: 'SKU-000042',
    category: 'things',
    brand: 'brand',
    stock: 17,
    price: 12.5,
    weight: 0.25,
    isActive: true,
    isFeatured: false,
    releasedAt: new Date('2024-01-31T12:00:00Z'),
    discontinuedAt: null,
    attributes: { colour: 'blue', sizes: [1, 2, 3] },
    labels: ['new', 'offer'],
    supplier: null,
    minimumOrder: 1,
    createdAt: new Date('2023-05-01T08:00:00Z'),
    updatedAt: new Date('2024-02-01T09:30:00.123Z'),
    version: 7,
  });
}

/** What TypeORM knows of the entity, without a database: nothing is asked of one. */
export async function productDataSource(): Promise<DataSource> {
  const dataSource = new DataSource({ type: 'postgres', entities: [Product] });
  await (dataSource as unknown as { buildMetadatas(): Promise<void> }).buildMetadatas();
  return dataSource;
}
