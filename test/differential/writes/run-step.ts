import { keyColumns } from '../world/keys.js';
import type { Row, Rows } from '../world/rows.js';
import { QUERY_STEPS } from './query-steps.js';
import { RELATION_STEPS } from './relation-steps.js';
import { fresh, spelledKey, values, which, type RunStep } from './steps.js';
import type { Step, StepKind } from './write.js';

/** Does one step. Rejects when the database or TypeORM does, or when the row is not there. */
export function runStep(step: Step, rows: Rows): Promise<unknown> {
  return RUN[step.do](step, rows);
}

const RUN: Readonly<Record<StepKind, RunStep>> = {
  ...RELATION_STEPS,
  ...QUERY_STEPS,
  'save-new': (step, rows) => rows.manager.save(fresh(step, rows), step.options),
  save: async (step, rows) => {
    const row = await rows.find(step.face, step.nr, [], true);
    Object.assign(row, { label: step.label, size: Number(row['size']) + 1 });
    return rows.manager.save(row, step.options);
  },
  'save-many': async (step, rows) => {
    const found = await rows.repository(step.face).find({ order: { nr: 'ASC' } });
    for (const row of found) Object.assign(row, { label: step.label });
    return rows.manager.save(found, step.options);
  },
  'save-partial': (step, rows) =>
    rows.repository(step.face).save({ ...rows.key(step.face, step.nr, step.spelled), label: step.label }, step.options),
  'save-code': async (step, rows) => {
    const row = await rows.find(step.face, step.nr);
    return rows.manager.save(Object.assign(row, { code: `${String(row['code'])}x` }), step.options);
  },
  insert: (step, rows) => rows.repository(step.face).insert({ ...values(step, rows), ...spelledKey(step, rows) }),
  'upsert-key': (step, rows) =>
    rows.repository(step.face).upsert(
      { ...values(step, rows), ...rows.key(step.face, step.nr, step.spelled) },
      keyColumns(rows.classes.world, rows.face(step.face).spec, rows.classes.kind).map(({ property }) => property),
    ),
  'upsert-code': (step, rows) =>
    rows.repository(step.face).upsert({ ...values(step, rows), ...spelledKey(step, rows) }, ['code']),
  update: (step, rows) => rows.repository(step.face).update(which(step, rows), { label: step.label }),
  delete: (step, rows) => rows.repository(step.face).delete(which(step, rows)),
  remove: async (step, rows) => rows.manager.remove(await rows.find(step.face, step.nr), step.options),
  'soft-remove': async (step, rows) => rows.manager.softRemove(await rows.find(step.face, step.nr), step.options),
  recover: async (step, rows) => rows.manager.recover(await rows.find(step.face, step.nr, [], true), step.options),
  'soft-delete': (step, rows) => rows.repository(step.face).softDelete(which(step, rows)),
  restore: (step, rows) => rows.repository(step.face).restore(which(step, rows)),
  increment: (step, rows) => rows.repository(step.face).increment(which(step, rows), 'size', 2),
  decrement: (step, rows) => rows.repository(step.face).decrement(which(step, rows), 'size', 1),
  'insert-again': async (step, rows) => {
    const row = await rows.find(step.face, step.nr);
    const again = { ...keyOfRow(row, step, rows), nr: row['nr'], code: row['code'], label: step.label };
    await rows.manager.remove(row);
    return rows.repository(step.face).insert(again);
  },
  'tree-move': async (step, rows) => {
    const row = await rows.find(step.face, step.nr);
    const parent = await rows.find(step.face, step.others?.[0] ?? 1);
    return rows.manager.save(Object.assign(row, { parent }), step.options);
  },
  'tree-add': async (step, rows) => {
    const parent = await rows.find(step.face, step.others?.[0] ?? 1);
    return rows.manager.save(Object.assign(fresh(step, rows), { parent }), step.options);
  },
};

function keyOfRow(row: Row, { face }: Step, rows: Rows): Row {
  const columns = keyColumns(rows.classes.world, rows.face(face).spec, rows.classes.kind);
  return Object.fromEntries(columns.map(({ property }) => [property, row[property]]));
}
