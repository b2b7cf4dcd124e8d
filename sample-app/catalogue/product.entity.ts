import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn, UpdateDateColumn, VersionColumn } from 'typeorm';
import { Category } from './category.entity.js';

@Entity({ name: 'product' })
export class Product {
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'product_pkey' })
  id!: number;

  @Column({ type: 'text' })
  name!: string;

  /** In cents, because a sum of prices must not be rounded. */
  @Column({ type: 'integer', name: 'price_cents' })
  priceCents!: number;

  @ManyToOne(() => Category, { nullable: false })
  @JoinColumn({ name: 'category_id', foreignKeyConstraintName: 'product_category_id_fkey' })
  @Index('product_category_id_idx')
  category!: Category;

  /**
   * Grows by one with every change; it is what the cache orders the rows by. `update: false` keeps `save()` of an entity that was read
   * long ago from writing its old number back.
   */
  @VersionColumn({ type: 'integer', update: false })
  version!: number;

  @UpdateDateColumn({ type: 'timestamptz', precision: 6, name: 'updated_at', update: false })
  updatedAt!: Date;
}
