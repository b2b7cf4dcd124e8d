import { entitiesOf } from './reads/dependence.js';
import type { Read } from './reads/read.js';
import type { Found } from './shrink.js';
import { facesOf, sidesOnPath, type EntitySpec, type RelationSpec, type World } from './world/world.js';
import type { Step, Write } from './writes/write.js';

/** A program and what was found in it, to be read. */
export function reportOf({ program: { world, reads, writes }, finding }: Found): string {
  const lines = [
    ...world.entities.map((spec) => `entity ${entityText(spec)}`),
    ...world.relations.map((spec) => `relation ${relationText(spec)}`),
    ...reads.map((read) => `read ${readText(world, read)}`),
    ...writes.map((write) => `write ${writeText(write)}`),
  ];
  if (finding.kind === 'no-start') return [...lines, `The application does not start: ${finding.error}`].join('\n');
  const { kind, after, instance, outcome, cached, fresh } = finding;
  const what = kind === 'stale' ? 'has another answer than a fresh read' : 'does not store the answer any more';
  const where = `After write ${after + 1}, instance ${instance} ${what} (${outcome})`;
  return [...lines, where, `  cached ${cached}`, `  fresh  ${fresh}`].join('\n');
}

/** The kind of a fault, in a few words: of a program that is as small as it gets. */
export function kindOf({ program, finding }: Found): string {
  if (finding.kind === 'no-start') return `no-start: ${finding.error.slice(0, 60)}`;
  const { read, kind } = finding;
  const { world } = program;
  const read_ = [
    read.gives,
    `by ${read.where.by}`,
    read.lists === 'membership' ? 'membership' : '',
    ...relationsOf(world, read),
  ];
  const written = program.writes.flatMap(({ frame, steps }) => [
    ...(frame === 'plain' ? [] : [frame]),
    ...steps.map((step) => stepKind(world, step)),
  ]);
  const features = [...new Set(world.entities.flatMap(featuresOf))];
  return [kind, read_.filter((one) => one !== '').join(' '), written.join(' + '), features.join(' ')].join(' | ');
}

function featuresOf(spec: EntitySpec): string[] {
  const { name: _, rows: __, key, keyOf: ___, madeBy, ...rest } = spec;
  const flags = Object.entries(rest).map(([name, value]) => (value === true ? name : `${name}=${String(value)}`));
  return [...(key === 'serial' ? [] : [key]), ...(madeBy === 'schema' ? [madeBy] : []), ...flags];
}

function relationsOf(world: World, { face, relations, where }: Read): string[] {
  const known = facesOf(world).find(({ name }) => name === face);
  const paths = [...relations, ...('at' in where ? [where.at] : [])];
  if (known === undefined) return [];
  return paths.map(
    (path) => `${relations.includes(path) ? 'with' : 'at'} ${sideKind(sidesOnPath(world, known, path))}`,
  );
}

function sideKind(sides: ReturnType<typeof sidesOnPath>): string {
  const { spec, isOwner } = sides.at(-1)!;
  const { name: _, from, to, kind, inverse: __, ...rest } = spec;
  const flags = Object.entries(rest).map(([name, value]) => (value === true ? name : `${name}=${String(value)}`));
  return [kind, isOwner ? 'owner' : 'inverse', ...(from === to ? ['self'] : []), ...flags].join('/');
}

function stepKind(world: World, { do: done, face, at, spelled, options }: Step): string {
  const known = facesOf(world).find(({ name }) => name === face);
  const side = at === undefined || known === undefined ? '' : ` ${sideKind(sidesOnPath(world, known, at))}`;
  const by = known === undefined || known.is === 'itself' ? '' : ` of ${known.is}`;
  const how = options === undefined ? '' : ` ${JSON.stringify(options)}`;
  return `${done}${side}${by}${spelled === true ? ' spelled' : ''}${how}`;
}

function entityText({ name, rows, ...spec }: EntitySpec): string {
  return [name, `with ${rows} rows`, `key ${spec.key}`, ...featuresOf({ ...spec, name, rows, key: 'serial' })].join(
    ', ',
  );
}

function relationText({ name, from, to, kind, ...rest }: RelationSpec): string {
  const flags = Object.entries(rest).map(([flag, value]) => (value === true ? flag : `${flag}=${String(value)}`));
  return [`${from}.${name}: ${kind} ${to}`, ...flags].join(', ');
}

function readText(world: World, read: Read): string {
  const { face, gives, where, relations, strategy, lists, withDeleted } = read;
  const { by, ...of } = where;
  return [
    `${gives} of ${face}`,
    by === 'all' ? '' : `where ${by} is ${Object.values(of).map(String).join(': ')}`,
    relations.length === 0 ? '' : `with ${relations.join(', ')}`,
    strategy === 'join' ? '' : 'by queries of their own',
    lists === 'any-change' ? '' : 'listInvalidation: membership',
    withDeleted ? 'withDeleted' : '',
    `entity: ${entitiesOf(world, read).join(', ')}`,
  ]
    .filter((text) => text !== '')
    .join('; ');
}

function writeText({ by, frame, steps }: Write): string {
  const texts = steps.map(({ do: done, face, nr, at, others, label, ...how }) => {
    const related = at === undefined && others === undefined ? '' : ` ${at ?? ''} [${(others ?? []).join(', ')}]`;
    const more = Object.keys(how).length === 0 ? '' : ` ${JSON.stringify(how)}`;
    return `${done} ${face}#${nr}${related} "${label}"${more}`;
  });
  return `by instance ${by}, ${frame}: ${texts.join('; then ')}`;
}
