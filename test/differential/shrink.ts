import type { Database } from './databases/database.js';
import type { Program } from './program.js';
import type { Read } from './reads/read.js';
import { runProgram, type Finding } from './run.js';
import type { EntitySpec, RelationSpec } from './world/world.js';
import type { Step, Write } from './writes/write.js';

/** A program and what was found in it. */
export interface Found {
  readonly program: Program;
  readonly finding: Finding;
}

const MOST_RUNS = 300;

/** Takes away one thing after the other, as long as the same kind of fault is found. */
export async function shrink(found: Found, database: Database): Promise<Found> {
  let smallest = found;
  let runs = 0;
  const accept = async (program: Program): Promise<boolean> => {
    if (runs++ >= MOST_RUNS) return false;
    const finding = await findingOf(program, database);
    if (finding?.kind !== found.finding.kind) return false;
    smallest = { program, finding };
    return true;
  };
  await accept(onlyWhatFailed(found));
  for (let isSmaller = true; isSmaller;) {
    isSmaller = false;
    const known = new Set<string>();
    for (let again = true; again;) {
      again = false;
      for (const candidate of smaller(smallest.program)) {
        const text = JSON.stringify(candidate);
        if (known.has(text)) continue;
        known.add(text);
        if (!(await accept(candidate))) continue;
        again = true;
        isSmaller = true;
        break;
      }
    }
  }
  return smallest;
}

/** Undefined also where the world cannot be made. */
async function findingOf(program: Program, database: Database): Promise<Finding | undefined> {
  try {
    return (await runProgram(program, database)).finding;
  } catch {
    return undefined;
  }
}

function onlyWhatFailed({ program, finding }: Found): Program {
  if (finding.kind === 'no-start') return { ...program, reads: [], writes: [] };
  return { ...program, reads: [finding.read], writes: program.writes.slice(0, finding.after + 1) };
}

/** Programs with one thing less, the largest things first. */
function* smaller(program: Program): Generator<Program> {
  const { world, reads, writes } = program;
  for (const less of without(writes)) yield { ...program, writes: less };
  if (reads.length > 1) for (const less of without(reads)) yield { ...program, reads: less };
  for (const relations of without(world.relations)) yield { ...program, world: { ...world, relations } };
  for (const entities of without(world.entities)) yield { ...program, world: { ...world, entities } };
  for (const less of eachSmaller(writes, smallerWrite)) yield { ...program, writes: less };
  for (const less of eachSmaller(reads, smallerRead)) yield { ...program, reads: less };
  for (const relations of eachSmaller(world.relations, smallerRelation))
    yield { ...program, world: { ...world, relations } };
  for (const entities of eachSmaller(world.entities, smallerEntity))
    yield { ...program, world: { ...world, entities } };
}

function* without<T>(all: readonly T[]): Generator<T[]> {
  for (const at of all.keys()) yield all.toSpliced(at, 1);
}

function* eachSmaller<T>(all: readonly T[], smallerOf: (one: T) => Iterable<T>): Generator<T[]> {
  for (const [at, one] of all.entries()) for (const less of smallerOf(one)) yield all.with(at, less);
}

/** Without one of its optional properties. */
function* lacking<T extends object>(one: T, properties: readonly (keyof T)[]): Generator<T> {
  for (const property of properties) {
    if (!(property in one)) continue;
    const { [property]: _, ...rest } = one;
    yield rest as T;
  }
}

function* smallerWrite(write: Write): Generator<Write> {
  if (write.frame !== 'plain') {
    yield { ...write, frame: 'plain' };
    if (write.frame !== 'transaction') yield { ...write, frame: 'transaction' };
  }
  if (write.steps.length > 1) for (const steps of without(write.steps)) yield { ...write, steps };
  for (const steps of eachSmaller(write.steps, smallerStep)) yield { ...write, steps };
  if (write.by !== 0) yield { ...write, by: 0 };
}

function* smallerStep(step: Step): Generator<Step> {
  yield* lacking(step, ['options', 'spelled', 'byKey']);
  const { others = [] } = step;
  if (others.length > 1) for (const less of without(others)) yield { ...step, others: less };
}

function* smallerRead(read: Read): Generator<Read> {
  for (const relations of without(read.relations)) yield { ...read, relations };
  if (read.strategy !== 'join') yield { ...read, strategy: 'join' };
  if (read.lists !== 'any-change') yield { ...read, lists: 'any-change' };
  if (read.withDeleted) yield { ...read, withDeleted: false };
}

function smallerRelation(relation: RelationSpec): Iterable<RelationSpec> {
  return lacking(relation, [
    ...(['junction', 'count', 'ids', 'plainColumn', 'orphans', 'cascade', 'embedded'] as const),
    ...(['byCode', 'eager', 'lazy', 'inverse'] as const),
  ]);
}

function* smallerEntity(spec: EntitySpec): Generator<EntitySpec> {
  const features = ['view', 'twin', 'child', 'tree', 'embedded', 'transformed', 'version', 'softDelete'] as const;
  yield* lacking(spec, features);
  if (spec.madeBy === 'schema') yield { ...spec, madeBy: 'decorators' };
  if (spec.key !== 'serial') {
    const { keyOf: _, ...rest } = spec;
    yield { ...rest, key: 'serial' };
  }
  if (spec.rows > 4) yield { ...spec, rows: 4 };
  if (spec.rows > 1 && spec.rows <= 4) yield { ...spec, rows: spec.rows - 1 };
}
