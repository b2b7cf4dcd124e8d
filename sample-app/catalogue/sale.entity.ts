import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { Product } from './product.entity.js';

/** One line of a receipt; what the report adds up. */
@Entity({ name: 'sale' })
export class Sale {
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'sale_pkey' })
  id!: number;

  @ManyToOne(() => Product, { nullable: false })
  @JoinColumn({ name: 'product_id', foreignKeyConstraintName: 'sale_product_id_fkey' })
  @Index('sale_product_id_idx')
  product!: Product;

  @Column({ type: 'integer' })
  quantity!: number;

  /** What the customer paid then, whatever the product costs now. */
  @Column({ type: 'integer', name: 'unit_price_cents' })
  unitPriceCents!: number;
}
