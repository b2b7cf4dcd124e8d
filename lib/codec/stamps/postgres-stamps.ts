import { rememberStamp } from './exact-stamps.js';

type Parser = (text: string) => unknown;

/** The slice of a `pg` client that is used: which function makes a value of a column's text. */
interface ParsingClient {
  getTypeParser(oid: number, format: 'text'): Parser;
  /** Without a parser: again the one for all clients. */
  setTypeParser(oid: number, format: 'text', parser: Parser | undefined): void;
}

/** A parser of ours: whose text it hears, and whether that one was set for this client alone. */
interface Listening {
  readonly parser: Parser;
  readonly own: boolean;
}

/** `timestamp` and `timestamptz`, whose numbers never change. */
const TIMESTAMPS = [1114, 1184];

const listening = new WeakMap<Parser, Listening>();

/**
 * Lets the texts of timestamps be remembered that this client reads from now on. What the application reads stays what its own parsers make of it.
 *
 * @returns false when the client has no parsers that can be listened to
 */
export function keepPostgresStamps(client: unknown): boolean {
  if (!isParsingClient(client)) return false;
  for (const oid of TIMESTAMPS) listen(client, oid);
  return true;
}

/** Again each time the client is handed out: the application may have set another parser meanwhile, for this client or for all. */
function listen(client: ParsingClient, oid: number): void {
  const current = client.getTypeParser(oid, 'text');
  const known = listening.get(current);
  if (known?.own === true) return;
  client.setTypeParser(oid, 'text', undefined);
  const common = client.getTypeParser(oid, 'text');
  const unchanged = known?.parser === common;
  const own = known === undefined && current !== common;
  client.setTypeParser(oid, 'text', unchanged ? current : listener({ parser: own ? current : common, own }));
}

function listener(heard: Listening): Parser {
  const parser: Parser = (text) => {
    const value = heard.parser(text);
    if (value instanceof Date) rememberStamp(value, text);
    return value;
  };
  listening.set(parser, heard);
  return parser;
}

function isParsingClient(client: unknown): client is ParsingClient {
  const { getTypeParser, setTypeParser } = (client ?? {}) as Partial<ParsingClient>;
  return typeof getTypeParser === 'function' && typeof setTypeParser === 'function';
}
