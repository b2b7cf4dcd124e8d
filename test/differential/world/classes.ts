import 'reflect-metadata';
import type { EntitySchema } from 'typeorm';
import {
  ChildEntity,
  Column,
  Entity,
  getMetadataArgsStorage,
  PrimaryColumn,
  TableInheritance,
  Tree,
  ViewColumn,
  ViewEntity,
} from 'typeorm';
import type { DatabaseKind } from '../databases/database.js';
import { decorate, type Class } from './decorate.js';
import { keyColumns } from './keys.js';
import { junctionTable, membersOf, twinMembers } from './members.js';
import { schemaOf } from './schema.js';
import type { EntitySpec, World } from './world.js';

/** The classes of one world, made at run time. */
export interface WorldClasses {
  readonly world: World;
  readonly kind: DatabaseKind;
  /** By the name of a face, of an entity mapped on a junction table (`r1Links`), or of a view (`AView`). */
  readonly byName: ReadonlyMap<string, Class>;
  /** For the data source of the world, and for the other one. */
  readonly entities: readonly (Class | EntitySchema)[];
  readonly elsewhere: readonly Class[];
  /** The schema, or the database, of the tables: no other program has one of this name. */
  readonly schema: string;
  /** The schema in which the tables of namesakes are. */
  readonly otherSchema: string;
  forget(): void;
}

export const linksName = (relation: string): string => `${relation}Links`;
export const viewName = (entity: string): string => `${entity}View`;

let made = 0;

const named = (name: string, above?: Class): Class =>
  Object.defineProperty(above === undefined ? class {} : class extends above {}, 'name', { value: name });

export function makeClasses(world: World, kind: DatabaseKind): WorldClasses {
  const schema = `differential_${process.pid}_${++made}`;
  const otherSchema = `${schema}_other`;
  const byName = new Map<string, Class>();
  const schemas = new Map<string, EntitySchema>();
  const infos = new Map<string, Class>();
  for (const spec of world.entities) {
    byName.set(spec.name, named(spec.namesake === undefined ? spec.name : (world.entities[0]?.name ?? spec.name)));
    if (spec.embedded === true) infos.set(spec.name, named(`${spec.name}Info`));
  }
  const classOf = (name: string): Class => byName.get(name) ?? named(name);
  for (const spec of world.entities) {
    const own = classOf(spec.name);
    const members = membersOf(world, spec, kind);
    const table = { name: tableOf(world, spec), ...(spec.namesake === 'schema' && { schema: otherSchema }) };
    if (spec.madeBy === 'schema') schemas.set(spec.name, schemaOf(own, table.name, members, classOf));
    else {
      Entity(table)(own);
      if (spec.tree !== undefined) Tree(spec.tree)(own);
      if (spec.child === 'single-table') TableInheritance({ column: { type: 'varchar', name: 'kind' } })(own);
      decorate(own, infos.get(spec.name), members, classOf);
    }
    if (spec.child !== undefined) byName.set(`${spec.name}Child`, childOf(spec, own));
    if (spec.twin === true) {
      const twin = named(`${spec.name}Twin`);
      Entity({ ...table, synchronize: false })(twin);
      decorate(twin, undefined, twinMembers(world, spec, kind), classOf);
      byName.set(twin.name, twin);
    }
    if (spec.view === true) byName.set(viewName(spec.name), viewOf(spec, own));
  }
  for (const { name, from, to, junction, ...relation } of world.relations) {
    if (junction !== true) continue;
    const links = named(linksName(name));
    Entity({ name: junctionTable({ name, from, to, ...relation }) })(links);
    for (const [property, end] of Object.entries({ near: from, far: to })) {
      const spec = world.entities.find((one) => one.name === end);
      const key = spec && keyColumns(world, spec, kind)[0];
      const options = relation.byCode === true ? { type: 'varchar', length: 40 } : key?.options;
      PrimaryColumn(options as never)(links.prototype, property);
    }
    byName.set(links.name, links);
  }
  const elsewhere = world.entities.filter(({ namesake }) => namesake === 'source').map(({ name }) => classOf(name));
  // An entity that is mapped on a junction table comes before the junction, so that its table is made by it.
  const entities = [...byName]
    .map(([name, one]) => schemas.get(name) ?? one)
    .filter((one) => !elsewhere.includes(one as Class));
  const forget = (): void => forgetClasses(new Set([...byName.values(), ...infos.values()]));
  return { world, kind, byName, entities, elsewhere, schema, otherSchema, forget };
}

function tableOf(world: World, spec: EntitySpec): string {
  return (spec.namesake === undefined ? spec.name : (world.entities[0]?.name ?? spec.name)).toLowerCase();
}

function childOf({ name, child }: EntitySpec, above: Class): Class {
  const below = named(`${name}Child`, above);
  if (child === 'single-table') ChildEntity()(below);
  else Entity({ name: `${name.toLowerCase()}_child` })(below);
  Column({ type: 'varchar', length: 40, nullable: true })(below.prototype, 'extra');
  return below;
}

function viewOf({ name }: EntitySpec, of: Class): Class {
  const view = named(viewName(name));
  const table = name.toLowerCase();
  ViewEntity({
    name: `${table}_view`,
    expression: `SELECT label, COUNT(*) AS total FROM ${table} GROUP BY label`,
    dependsOn: [of],
  })(view);
  ViewColumn()(view.prototype, 'label');
  ViewColumn()(view.prototype, 'total');
  return view;
}

/** TypeORM remembers every decorated class; a long run makes many. */
function forgetClasses(classes: ReadonlySet<Class>): void {
  for (const list of Object.values(getMetadataArgsStorage()) as unknown[]) {
    if (!Array.isArray(list)) continue;
    const kept = (list as { target?: Class }[]).filter(({ target }) => target === undefined || !classes.has(target));
    if (kept.length < list.length) list.splice(0, list.length, ...kept);
  }
}
