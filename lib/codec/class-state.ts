import { Script } from 'node:vm';
import { isNative } from '../core/value-kind.js';

const PRIVATE_NAME = /#[\p{ID_Start}$_][\p{ID_Continue}$]*/gu;

/** What Babel, SWC and esbuild make of private members for engines without them, in the constructor. TypeScript's has the name of the class in it. */
const COMPILED =
  /_(?:privateAdd|classPrivate(?:Field|Method)InitSpec|class_private_(?:field|method)_init)[\w.]*\)?\(this\b/;

/** The built-in type that a class is or extends, and whose content is not in its properties: a type of the language (`Map`) or of the platform (`Headers`). */
export function builtInAncestor(prototype: object): string | undefined {
  for (const { constructor, isRoot } of linksOf(prototype)) {
    if (isRoot || typeof constructor !== 'function') continue;
    if (isNative(constructor) || isPlatformClass(constructor)) return constructor.name;
  }
  return undefined;
}

/**
 * A private member (`#cents`) of the instances of a class, or of a class that it extends. Nothing outside the class can read it or put it into an instance that is rebuilt, so the first
 * method that needs it would throw. It is looked for in the text of the class; where private members were compiled away, by the names that compilers give to what stands for them. What a minifier
 * has renamed after that, and what a class keeps by hand in a `WeakMap` or a closure, cannot be seen.
 */
export function privateMember(prototype: object): string | undefined {
  for (const { constructor } of linksOf(prototype)) {
    if (typeof constructor !== 'function' || isNative(constructor)) continue;
    const member = privateMemberIn(Function.prototype.toString.call(constructor), constructor.name);
    if (member !== undefined) return member;
  }
  return undefined;
}

/** From a prototype up. A chain that ends at `Object.prototype` without passing another built-in type on the way keeps its state in properties. */
function* linksOf(prototype: object): Generator<{ readonly constructor: unknown; readonly isRoot: boolean }> {
  for (let link: object | null = prototype; link !== null; link = Object.getPrototypeOf(link) as object | null) {
    const constructor: unknown = Object.getOwnPropertyDescriptor(link, 'constructor')?.value;
    yield { constructor, isRoot: Object.getPrototypeOf(link) === null && link !== prototype };
  }
}

/** Written in JavaScript, and a global all the same. Globals of the application are enumerable. */
function isPlatformClass(constructor: { readonly name: string }): boolean {
  const found = Object.getOwnPropertyDescriptor(globalThis, constructor.name);
  return found?.enumerable === false && (globalThis as Record<string, unknown>)[constructor.name] === constructor;
}

function privateMemberIn(source: string, className: string): string | undefined {
  const declared = [...new Set(source.match(PRIVATE_NAME))].find(
    (name) => declares(source, name) && !isStatic(source, name),
  );
  if (declared !== undefined) return declared;
  const byTypeScript = new RegExp(`\\b_${pattern(className)}_\\w+\\.(?:set|add)\\(this\\b`);
  return COMPILED.test(source) || byTypeScript.test(source) ? 'a #private member' : undefined;
}

/**
 * The engine knows: to use a private name in a class that does not declare it is an error of syntax. So a `#name` in a comment, a text or a pattern is none. Nothing runs. A class whose text cannot
 * stand alone (`import.meta`) is believed.
 */
function declares(source: string, name: string): boolean {
  return isSyntax(`(${source.slice(0, -1)};static{(o)=>${name} in o}})`) || !isSyntax(`(${source})`);
}

function isSyntax(text: string): boolean {
  try {
    new Script(text);
    return true;
  } catch {
    return false;
  }
}

function isStatic(source: string, name: string): boolean {
  return new RegExp(`\\bstatic\\s+(?:(?:async|get|set|accessor)\\s+)?\\*?\\s*${pattern(name)}(?![\\w$])`).test(source);
}

function pattern(identifier: string): string {
  return identifier.replaceAll('$', '\\$');
}
