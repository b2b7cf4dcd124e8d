import * as typeorm from 'typeorm';
import type { Member } from './members.js';

/** A class whose prototype decorators may be given. */
export type Class = (new () => object) & { readonly prototype: object };

/** Declares the members of a class, and those of its embedded object. */
export function decorate(
  own: Class,
  info: Class | undefined,
  members: readonly Member[],
  classOf: (name: string) => Class,
): void {
  for (const member of members) {
    const target = (member.inInfo === true && info !== undefined ? info : own).prototype;
    for (const declare of decoratorsOf(member, classOf)) declare(target, member.property);
  }
  if (info !== undefined) typeorm.Column(() => info)(own.prototype, 'info');
}

function decoratorsOf(member: Member, classOf: (name: string) => Class): PropertyDecorator[] {
  switch (member.is) {
    case 'column': {
      if (member.isGenerated === true) return [typeorm.PrimaryGeneratedColumn(member.options as never)];
      const declare = member.isKey === true ? typeorm.PrimaryColumn : typeorm.Column;
      return [declare(member.options as never)];
    }
    case 'version':
      return [typeorm.VersionColumn(member.options as never)];
    case 'update-date':
      return [typeorm.UpdateDateColumn(member.options as never)];
    case 'delete-date':
      return [typeorm.DeleteDateColumn(member.options as never)];
    case 'ids':
      return [typeorm.RelationId((row: unknown) => valueAt(row, member.of))];
    case 'count':
      return [relationCount()((row: unknown) => valueAt(row, member.of))];
    case 'tree-children':
      return [typeorm.TreeChildren({ cascade: true })];
    case 'tree-parent':
      return [typeorm.TreeParent()];
    case 'relation':
      return relationDecorators(member, classOf);
  }
}

function relationDecorators(member: Extract<Member, { is: 'relation' }>, classOf: (name: string) => Class) {
  const declare = {
    'one-to-one': typeorm.OneToOne,
    'one-to-many': typeorm.OneToMany,
    'many-to-one': typeorm.ManyToOne,
    'many-to-many': typeorm.ManyToMany,
  }[member.type] as (...given: unknown[]) => PropertyDecorator;
  const to = (): Class => classOf(member.to);
  return [
    declare(to, ...(member.inverse === undefined ? [] : [member.inverse]), member.options),
    ...(member.joinColumns?.length === 0 ? [typeorm.JoinColumn()] : []),
    ...(member.joinColumns ?? []).map((column) => typeorm.JoinColumn(column)),
    ...(member.joinTable === undefined ? [] : [typeorm.JoinTable(member.joinTable)]),
  ];
}

/** It went with TypeORM 1. */
function relationCount(): (of: (row: unknown) => unknown) => PropertyDecorator {
  const { RelationCount } = typeorm as unknown as {
    RelationCount?: (of: (row: unknown) => unknown) => PropertyDecorator;
  };
  if (RelationCount === undefined) throw new Error('This TypeORM has no @RelationCount');
  return RelationCount;
}

export function hasRelationCount(): boolean {
  return 'RelationCount' in typeorm;
}

function valueAt(row: unknown, path: string): unknown {
  return path.split('.').reduce((inner, name) => (inner as Record<string, unknown>)[name], row);
}
