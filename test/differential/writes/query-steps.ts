import { InsertQueryBuilder, type ObjectLiteral } from 'typeorm';
import { keyColumns } from '../world/keys.js';
import type { Rows } from '../world/rows.js';
import { spelledKey, values, which, type RunStep } from './steps.js';

const COMMENT = 'by request 7';

/** It came with TypeORM 1. */
export function hasInsertSelect(): boolean {
  return 'valuesFromSelect' in InsertQueryBuilder.prototype;
}

/** Writes by query builders. */
export const QUERY_STEPS = {
  'query-update': (step, rows) =>
    rows.manager
      .createQueryBuilder()
      .update(rows.class(step.face))
      .set({ label: step.label })
      .where(which(step, rows))
      .comment(COMMENT)
      .execute(),
  'query-delete': (step, rows) =>
    rows.manager
      .createQueryBuilder()
      .delete()
      .from(rows.class(step.face))
      .where(which(step, rows))
      .comment(COMMENT)
      .execute(),
  'query-insert': (step, rows) =>
    insertInto(step.face, rows)
      .values({ ...values(step, rows), ...spelledKey(step, rows) })
      .comment(COMMENT)
      .execute(),
  'query-upsert': (step, rows) => {
    const keys = keyColumns(rows.classes.world, rows.face(step.face).spec, rows.classes.kind);
    const target = step.byKey === true ? keys.map(({ property }) => property) : ['code'];
    const key = step.byKey === true ? rows.key(step.face, step.nr, step.spelled) : spelledKey(step, rows);
    return insertInto(step.face, rows)
      .values({ ...values(step, rows), ...key })
      .orUpdate(['label'], target)
      .comment(COMMENT)
      .execute();
  },
  'query-cte': (step, rows) => {
    const table = rows.repository(step.face).metadata.tablePath;
    return rows.manager
      .createQueryBuilder()
      .update(rows.class(step.face))
      .addCommonTableExpression(`SELECT nr FROM ${table} WHERE nr = ${step.nr}`, 'chosen')
      .set({ label: step.label })
      .where('nr IN (SELECT nr FROM chosen)')
      .execute();
  },
  'insert-select': (step, rows) => {
    const copied = rows
      .repository(step.face)
      .createQueryBuilder('row')
      .select(String(step.nr), 'nr')
      .addSelect(`'${rows.face(step.face).spec.name}-${step.nr}'`, 'code')
      .addSelect('row.label', 'label')
      .where('row.nr = :nr', { nr: step.others?.[0] ?? 1 });
    return insertInto(step.face, rows, ['nr', 'code', 'label']).valuesFromSelect(copied).execute();
  },
} satisfies Readonly<Record<string, RunStep>>;

function insertInto(face: string, rows: Rows, columns?: string[]): InsertQueryBuilder<ObjectLiteral> {
  const query = rows.manager.createQueryBuilder().insert();
  return query.into<ObjectLiteral>(rows.class(face), columns);
}
