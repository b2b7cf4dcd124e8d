import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity({ name: 'category' })
export class Category {
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'category_pkey' })
  id!: number;

  /** The name in URLs: `garden-tools`. */
  @Column({ type: 'text' })
  @Index('category_slug_idx', { unique: true })
  slug!: string;

  @Column({ type: 'text' })
  name!: string;
}
