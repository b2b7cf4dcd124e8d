import { EntitySchema, type EntitySchemaOptions } from 'typeorm';
import type { Class } from './decorate.js';
import type { Member } from './members.js';

/** The same members as an `EntitySchema` of a class without decorators. */
export function schemaOf(
  target: Class,
  tableName: string,
  members: readonly Member[],
  classOf: (name: string) => Class,
): EntitySchema {
  const columns: Record<string, unknown> = {};
  const relations: Record<string, unknown> = {};
  const relationIds: Record<string, unknown> = {};
  for (const member of members) {
    const { property } = member;
    if (member.is === 'column')
      columns[property] = {
        ...member.options,
        ...(member.isKey === true && { primary: true }),
        ...(member.isGenerated === true && { generated: true }),
      };
    else if (member.is === 'version') columns[property] = { ...member.options, version: true };
    else if (member.is === 'update-date') columns[property] = { ...member.options, updateDate: true };
    else if (member.is === 'delete-date') columns[property] = { ...member.options, deleteDate: true };
    else if (member.is === 'ids') relationIds[property] = { relationName: member.of };
    else if (member.is === 'relation')
      relations[property] = {
        type: member.type,
        target: () => classOf(member.to),
        ...(member.inverse !== undefined && { inverseSide: member.inverse }),
        ...member.options,
        ...(member.joinColumns && { joinColumn: member.joinColumns.length === 0 ? true : member.joinColumns }),
        ...(member.joinTable && { joinTable: member.joinTable }),
      };
    else throw new Error(`A schema has no ${member.is}`);
  }
  const options: unknown = { name: target.name, tableName, target, columns, relations, relationIds };
  return new EntitySchema(options as EntitySchemaOptions<Class>);
}
