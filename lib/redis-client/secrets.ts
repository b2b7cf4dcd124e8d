import { withoutCredentials } from '../core/error-text.js';

const PASSWORDS = /^(sentinel)?pass(word|phrase)?$/i;
const USERS = /^(sentinel)?user(name)?$/i;
/** How deep the options of a client are looked into: those of a cluster have the options of its nodes in them. */
const MOST_LEVELS = 4;

/** What of a client's options must not be told. */
interface Secrets {
  readonly passwords: Set<string>;
  readonly users: Set<string>;
}

/**
 * The text without what the options of its client keep secret: names of users, passwords, credentials of a URL. And without the arguments of a command: a server that does not know `HELLO` or `AUTH` answers with
 * the arguments that it was given.
 */
export function withoutSecrets(text: string, options: unknown): string {
  const secrets: Secrets = { passwords: new Set(), users: new Set() };
  collect(options, secrets, MOST_LEVELS);
  let masked = withoutCredentials(text).replace(/,? with args beginning with:.*$/is, '');
  for (const password of longestFirst(secrets.passwords)) masked = masked.replaceAll(password, '***');
  // Only as a word: a user called "app" must not tear other words apart.
  for (const user of longestFirst(secrets.users))
    masked = masked.replace(new RegExp(`(?<!\\w)${user.replace(/\W/g, '\\$&')}(?!\\w)`, 'g'), '***');
  return masked;
}

function collect(value: unknown, secrets: Secrets, levels: number): void {
  if (levels === 0 || !isPlain(value)) return;
  for (const [name, option] of Object.entries(value)) {
    if (typeof option === 'object') collect(option, secrets, levels - 1);
    else if (typeof option !== 'string' || option === '') continue;
    else if (PASSWORDS.test(name)) secrets.passwords.add(option).add(encodeURIComponent(option));
    else if (USERS.test(name)) addUser(secrets, option);
    else if (URL.canParse(option)) collectUrl(new URL(option), secrets);
  }
}

function collectUrl({ username, password }: URL, secrets: Secrets): void {
  for (const text of [password, decoded(password)]) if (text !== '') secrets.passwords.add(text);
  for (const text of [username, decoded(username)]) addUser(secrets, text);
}

/** The user that everybody has is no secret, and its name is a word. */
function addUser({ users }: Secrets, name: string): void {
  if (name !== '' && name !== 'default') users.add(name);
}

/** An object or array that somebody has written down: not a socket, an agent or a buffer. */
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Array.isArray(value);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function longestFirst(texts: ReadonlySet<string>): string[] {
  return [...texts].sort((a, b) => b.length - a.length);
}
