import {
  Column,
  Entity,
  ManyToOne,
  OneToMany,
  PrimaryGeneratedColumn,
  UpdateDateColumn,
  type DataSource,
  type Relation,
} from 'typeorm';

import { EntityCatalog } from '../../../../lib/codec/entity-metadata.js';
import { versionOf } from '../../../../lib/codec/entity-version.js';
import type { Version } from '../../../../lib/core/version.js';

export interface StampedDocument {
  id: number;
  title: string;
  updatedAt: Date;
  notes: StampedNote[];
}

export interface StampedNote {
  id: number;
  text: string;
  audit: { changedAt: Date };
  document: Relation<StampedDocument>;
}

export type Class<T> = new () => T;

export interface StampedEntities {
  readonly Document: Class<StampedDocument>;
  readonly Note: Class<StampedNote>;
}

export interface DateColumns {
  /** Of the document; the note's is always that of TypeORM's own choice. */
  readonly type?: 'timestamptz' | 'timestamp' | 'datetime';
  readonly precision?: number;
  readonly schema?: string;
  readonly default?: () => string;
}

/** Entities that are ordered by an `@UpdateDateColumn`, in the document itself and in an embedded object. */
export function stampedEntities({ schema, ...date }: DateColumns = {}): StampedEntities {
  const table = schema === undefined ? {} : { schema };

  class Audit {
    @UpdateDateColumn({ update: false })
    changedAt!: Date;
  }

  @Entity({ name: 'stamped_note', ...table })
  class Note {
    @PrimaryGeneratedColumn({ type: 'int' })
    id!: number;

    @Column({ type: 'varchar', length: 50 })
    text!: string;

    @Column(() => Audit)
    audit!: Audit;

    @ManyToOne(() => Document, (document) => document.notes)
    document!: Relation<Document>;
  }

  @Entity({ name: 'stamped_document', ...table })
  class Document {
    @PrimaryGeneratedColumn({ type: 'int' })
    id!: number;

    @Column({ type: 'varchar', length: 50 })
    title!: string;

    @UpdateDateColumn({ update: false, ...date })
    updatedAt!: Date;

    @OneToMany(() => Note, (note) => note.document, { cascade: true })
    notes!: Note[];
  }

  return { Document, Note };
}

/** The version that a value has by the metadata of its data source. */
export function readVersion(dataSource: DataSource, entity: Class<unknown>, value: unknown): Version | undefined {
  return versionOf(value, { entity: new EntityCatalog().add(dataSource).find(entity) }).version;
}
