import { InvalidOptionsError } from '../core/errors.js';
import { builtInAncestor, privateMember } from './class-state.js';

/** Any class, one with a private constructor too: nothing is ever constructed. */
export interface ClassReference {
  readonly name: string;
  readonly prototype: object;
}

/** A class whose instances are stored by name and come back as instances. */
export interface RegisteredClass {
  readonly name: string;
  readonly prototype: object;
  /** The class itself. */
  readonly target: ClassReference;
  /** What an instance is written as: the name, and the shape where there is one (`Product#k3Jx90aB`). */
  readonly storedName: string;
  /** A `#private` member, because of which its instances are neither written nor read. */
  readonly privateMember?: string;
}

/** Parts name and shape. */
const SHAPE_MARK = '#';
/** Characters of an entry that are repeated in a message. */
const MAX_SHOWN = 80;

/**
 * The classes whose instances may be cached. An instance is rebuilt as `Object.create(prototype)` with its own enumerable properties: no constructor and no
 * setter runs. So a class with `#private` members, which nobody can read from outside, is refused.
 */
export class ClassRegistry {
  private readonly byName = new Map<string, RegisteredClass>();
  private readonly byStoredName = new Map<string, RegisteredClass>();
  private readonly byPrototype = new Map<object, RegisteredClass>();

  /**
   * Adds a class. The name is stored with each instance, so it must be the same in every process that shares the cache (a minifier may
   * not change it). A class that is registered already keeps the name it has, unless another one is given.
   *
   * @param name default: the class's own name
   * @throws InvalidOptionsError when the name is empty, has a `#` or is taken by another class, when the class has another name already, when it has `#private` members, and when it
   *   extends a built-in type whose content is not in its properties (`Map`, `Headers` …)
   */
  register(target: ClassReference, name?: string): this {
    const found = privateMember(prototypeOf(target));
    if (found !== undefined) throw new InvalidOptionsError(hasPrivateMember(target, found));
    return this.admit(target, name);
  }

  /**
   * As {@link register}, for classes that are there to be used in other ways too: the instances of one with `#private` members are refused when they are written.
   *
   * @throws InvalidOptionsError as `register`, except for `#private` members
   */
  admit(target: ClassReference, name?: string): this {
    const prototype = prototypeOf(target);
    const known = this.byPrototype.get(prototype);
    if (known !== undefined && (name === undefined || name === known.name)) return this;
    const wanted = name ?? target.name;
    if (wanted === '')
      throw new InvalidOptionsError(
        'Expected a class with a name, but got one without. Name it, or register it under one: register(class, name).',
      );
    if (wanted.includes(SHAPE_MARK))
      throw new InvalidOptionsError(
        `Expected a class name without "${SHAPE_MARK}", which parts name and shape in entries, but got "${wanted}". Take another character.`,
      );
    if (known !== undefined)
      throw new InvalidOptionsError(
        `The class ${target.name} is registered as "${known.name}" already; "${wanted}" would be its second name. Keep one.`,
      );
    if (this.byName.has(wanted)) throw new InvalidOptionsError(sameName(wanted));
    const found = privateMember(prototype);
    this.add({
      name: wanted,
      prototype,
      target,
      storedName: wanted,
      ...(found !== undefined && { privateMember: found }),
    });
    return this;
  }

  /**
   * Says what the instances of a registered class look like: from now on only instances of this very shape are written and read. The first shape of a class stays.
   */
  shape(target: ClassReference, shape: string): void {
    const known = this.byPrototype.get(target.prototype);
    if (known === undefined || known.storedName !== known.name) return;
    this.byStoredName.delete(known.storedName);
    this.add({ ...known, storedName: `${known.name}${SHAPE_MARK}${shape}` });
  }

  /** Whether a class has this name. */
  hasName(name: string): boolean {
    return this.byName.has(name);
  }

  has(target: ClassReference): boolean {
    return this.byPrototype.has(target.prototype);
  }

  /** The class of this very instance; an instance of a subclass needs its subclass registered. */
  ofInstance(value: object): RegisteredClass | undefined {
    return this.byPrototype.get(Object.getPrototypeOf(value) as object);
  }

  /** The class an instance was written as; undefined when no class of that name and shape is known here. */
  stored(storedName: string): RegisteredClass | undefined {
    return this.byStoredName.get(storedName);
  }

  /** Why a class that an entry names is not known here, and what to do. */
  explainUnknown(storedName: string): string {
    const given = storedName.slice(0, MAX_SHOWN);
    const [name = ''] = given.split(SHAPE_MARK, 1);
    const known = this.byName.get(name);
    if (known === undefined)
      return `The entry contains an instance of "${name}", a class that is not registered here. Add it: classes: [${name}].`;
    return known.privateMember !== undefined
      ? `The entry contains an instance of "${name}", which has ${known.privateMember} here and cannot be rebuilt.`
      : `The entry contains an instance of "${given}", which is "${known.storedName}" here: whoever wrote it has a class ${name} with other columns or relations.`;
  }

  private add(registered: RegisteredClass): void {
    this.byName.set(registered.name, registered);
    this.byPrototype.set(registered.prototype, registered);
    if (registered.privateMember === undefined) this.byStoredName.set(registered.storedName, registered);
  }
}

function prototypeOf(target: ClassReference): object {
  const prototype: unknown = typeof target === 'function' ? (target as ClassReference).prototype : undefined;
  if (typeof prototype !== 'object' || prototype === null) {
    throw new InvalidOptionsError(
      `Expected a class, but got a value of type ${typeof target}. Pass the class itself: classes: [Product].`,
    );
  }
  const builtIn = builtInAncestor(prototype);
  if (builtIn !== undefined) {
    throw new InvalidOptionsError(
      `The class ${target.name} is or extends ${builtIn}, whose content is not in its properties and would be lost. Cache a plain object instead.`,
    );
  }
  return prototype;
}

function hasPrivateMember(target: ClassReference, found: string): string {
  return `Expected a class whose content is in its properties, but ${target.name} has ${found}, which nobody can read from outside: an instance that comes from the cache would be without it. Use TypeScript's private instead of #, or cache a plain object.`;
}

function sameName(name: string): string {
  return `Two different classes are named "${name}", and a stored instance could not tell which it is. Register one of them under a name of its own first: register(class, 'billing.${name}').`;
}
