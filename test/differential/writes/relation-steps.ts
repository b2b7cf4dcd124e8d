import { linksName } from '../world/classes.js';
import { plainColumnOf } from '../world/members.js';
import type { Row, Rows } from '../world/rows.js';
import type { Side } from '../world/world.js';
import { fresh, othersOf, sideOf, values, type RunStep } from './steps.js';
import type { Step } from './write.js';

/** Writes of relations: by what is saved, by the query builder of relations, and by entities on junction tables. */
export const RELATION_STEPS = {
  'save-related': async (step, rows) => {
    const side = sideOf(step, rows);
    const row = await rows.find(step.face, step.nr, [side.path]);
    const others = await othersOf(step, side, rows);
    put(row, side, side.isMany ? others : (others[0] ?? null));
    return rows.manager.save(row, step.options);
  },
  'save-cascade': async (step, rows) => {
    const side = sideOf(step, rows);
    const row = await rows.find(step.face, step.nr, [side.path]);
    const held = await heldBy(row, side);
    for (const one of held) Object.assign(one, { label: step.label });
    const added = fresh({ ...step, face: side.to, nr: step.others?.[0] ?? 1 }, rows);
    const known = held.some(({ nr }) => nr === added['nr']);
    put(row, side, side.isMany ? [...held, ...(known ? [] : [added])] : (held[0] ?? added));
    return rows.manager.save(row, step.options);
  },
  'save-plain-column': async (step, rows) => {
    const row = await rows.find(step.face, step.nr);
    return rows.manager.save(Object.assign(row, foreignKey(step, rows)), step.options);
  },
  'insert-related': (step, rows) => {
    const side = sideOf(step, rows);
    const [other] = step.others ?? [];
    const row = { ...values(step, rows) };
    if (other !== undefined) put(row, { ...side, isLazy: false }, reference(side, other, rows));
    return rows.repository(step.face).insert(row);
  },
  'update-related': (step, rows) => {
    const side = sideOf(step, rows);
    const [other] = step.others ?? [];
    const changes: Row = {};
    put(changes, { ...side, isLazy: false }, other === undefined ? null : reference(side, other, rows));
    return rows.repository(step.face).update({ nr: step.nr }, changes);
  },
  'relation-add': async (step, rows) => {
    const side = sideOf(step, rows);
    return (await relation(step, rows)).add(await othersOf(step, side, rows));
  },
  'relation-remove': async (step, rows) => {
    const side = sideOf(step, rows);
    return (await relation(step, rows)).remove(await othersOf(step, side, rows));
  },
  'relation-set': async (step, rows) => {
    const [other] = await othersOf(step, sideOf(step, rows), rows);
    return (await relation(step, rows)).set(other ?? null);
  },
  link: async (step, rows) => rows.repository(linksName(sideOf(step, rows).spec.name)).insert(await ends(step, rows)),
  unlink: async (step, rows) => rows.repository(linksName(sideOf(step, rows).spec.name)).delete(await ends(step, rows)),
} satisfies Readonly<Record<string, RunStep>>;

async function relation(step: Step, rows: Rows) {
  const row = await rows.find(step.face, step.nr);
  return rows.manager.createQueryBuilder().relation(rows.class(step.face), sideOf(step, rows).path).of(row);
}

/** What the property of a relation is set to; the promise of it where it is lazy. */
function put(row: Row, { path, isLazy }: Side, value: unknown): void {
  const names = path.split('.');
  const last = names.pop() ?? '';
  let inner = row;
  for (const name of names) inner = (inner[name] ??= {}) as Row;
  inner[last] = isLazy ? Promise.resolve(value) : value;
}

async function heldBy(row: Row, { path }: Side): Promise<Row[]> {
  const value: unknown = await path
    .split('.')
    .reduce((inner: unknown, name) => (inner as Row | null | undefined)?.[name], row);
  return [value].flat().filter((one): one is Row => typeof one === 'object' && one !== null);
}

/** A related row by nothing but the columns that it is joined by. */
function reference({ spec, to }: Side, nr: number, rows: Rows): Row {
  return spec.byCode === true ? { code: `${to}-${nr}` } : rows.key(to, nr);
}

function foreignKey(step: Step, rows: Rows): Row {
  const { spec, to } = sideOf(step, rows);
  const [other] = step.others ?? [];
  const [key] = Object.values(other === undefined ? {} : rows.key(to, other));
  return { [plainColumnOf(spec)]: key ?? null };
}

/** A row of a junction table, as its entity has it. */
async function ends(step: Step, rows: Rows): Promise<Row> {
  const side = sideOf(step, rows);
  const [other] = await othersOf({ ...step, others: step.others?.slice(0, 1) ?? [] }, side, rows);
  const row = await rows.find(step.face, step.nr);
  const end = (one: Row | undefined, face: string): unknown =>
    side.spec.byCode === true ? one?.['code'] : one?.[Object.keys(rows.key(face, 1))[0] ?? ''];
  const [near, far] = [end(row, step.face), end(other, side.to)];
  return side.isOwner ? { near, far } : { near: far, far: near };
}
