import { EventEmitter } from 'node:events';

import { describe, expect, it } from 'vitest';

import { ClassRegistry, type ClassReference } from '../../../lib/codec/class-registry.js';
import { InvalidOptionsError } from '../../../lib/core/errors.js';

class User {
  readonly id = 1;
}

/** Another class of the same name, as another module of the application may have one. */
function otherUser(): ClassReference {
  return class User {
    readonly invoices = [];
  };
}

describe('ClassRegistry', () => {
  it('finds a class by its instance and by its name', () => {
    const registry = new ClassRegistry().register(User);
    expect(registry.ofInstance(new User())).toStrictEqual({
      name: 'User',
      prototype: User.prototype,
      target: User,
      storedName: 'User',
    });
    expect(registry.stored('User')?.prototype).toBe(User.prototype);
    expect(registry.stored('constructor')).toBeUndefined();
    expect(registry.ofInstance({})).toBeUndefined();
    expect(registry.ofInstance(Object.create(null) as object)).toBeUndefined();
  });

  it('writes and finds a class of a known shape by both, the first shape that was told', () => {
    const registry = new ClassRegistry().register(User);
    registry.shape(User, 'abc');
    registry.shape(User, 'other');
    expect(registry.ofInstance(new User())?.storedName).toBe('User#abc');
    expect(registry.stored('User#abc')?.prototype).toBe(User.prototype);
    expect([registry.stored('User'), registry.stored('User#other')]).toStrictEqual([undefined, undefined]);
    expect(registry.explainUnknown('User#old')).toContain('"User#old", which is "User#abc" here');
  });

  it('takes no shape of a class that is not registered', () => {
    const registry = new ClassRegistry();
    registry.shape(User, 'abc');
    expect(registry.ofInstance(new User())).toBeUndefined();
  });

  it('refuses a name that would look like a name with a shape', () => {
    expect(() => new ClassRegistry().register(User, 'User#abc')).toThrow(/without "#".*"User#abc"/);
  });

  it('takes the same class again', () => {
    const registry = new ClassRegistry().register(User).register(User).register(User, 'User');
    expect(registry.stored('User')?.prototype).toBe(User.prototype);
  });

  it('refuses two classes of one name, and says how to tell them apart', () => {
    const registry = new ClassRegistry().register(User);
    expect(() => registry.register(otherUser())).toThrow(InvalidOptionsError);
    expect(() => registry.register(otherUser())).toThrow(/named "User".*register\(class, 'billing\.User'\)/);
    expect(registry.stored('User')?.prototype).toBe(User.prototype);
  });

  it('keeps a name that was given before, when the class is met again', () => {
    const other = otherUser();
    const registry = new ClassRegistry().register(other, 'billing.User').register(User).register(other);
    expect(registry.stored('billing.User')?.prototype).toBe(other.prototype);
    expect(registry.stored('User')?.prototype).toBe(User.prototype);
  });

  it('refuses a second name for a class', () => {
    expect(() => new ClassRegistry().register(User).register(User, 'Person')).toThrow(/registered as "User" already/);
  });

  it('takes a class that extends one of its own kind, an emitter, or nothing', () => {
    class Admin extends User {}
    class Feed extends EventEmitter {}
    const registry = new ClassRegistry().register(Admin).register(Feed);
    expect(registry.ofInstance(new Admin())?.name).toBe('Admin');
    expect(registry.ofInstance(new User())).toBeUndefined();
  });

  it.each<[string, unknown, RegExp]>([
    ['a class without a name', (() => class {})(), /a class with a name/],
    ['a subclass of Map', class Prices extends Map {}, /Prices is or extends Map/],
    ['a subclass of a subclass of Date', class Due extends class Stamp extends Date {} {}, /Due is or extends Date/],
    ['a subclass of Error', class Failure extends Error {}, /extends Error/],
    ['a built-in type', Map, /is or extends Map/],
    ['Object', Object, /is or extends Object/],
    ['what is no class', 'User', /Expected a class, but got a value of type string/],
    ['an arrow function', () => 1, /Expected a class/],
  ])('refuses %s', (_, target, message) => {
    expect(() => new ClassRegistry().register(target as ClassReference)).toThrow(InvalidOptionsError);
    expect(() => new ClassRegistry().register(target as ClassReference)).toThrow(message);
  });
});
