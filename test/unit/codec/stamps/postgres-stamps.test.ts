import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';

import { exactStamp } from '../../../../lib/codec/stamps/exact-stamps.js';
import { keepPostgresStamps } from '../../../../lib/codec/stamps/postgres-stamps.js';

const { TIMESTAMPTZ } = pg.types.builtins;
const TEXT = '2024-01-31 12:00:00.123456+00';
const EXACT = 1706702400123456n;
const original = pg.types.getTypeParser(TIMESTAMPTZ, 'text') as (text: string) => unknown;

/** A client that is not connected: its parsers are there all the same. */
function client(config: pg.ClientConfig = {}): pg.Client {
  return new pg.Client(config);
}

function read(from: pg.Client): unknown {
  return (from.getTypeParser(TIMESTAMPTZ, 'text') as (text: string) => unknown)(TEXT);
}

describe('keepPostgresStamps', () => {
  afterEach(() => pg.types.setTypeParser(TIMESTAMPTZ, original));

  it('remembers what the driver parsed, on this client only', () => {
    const [kept, other] = [client(), client()];
    expect(keepPostgresStamps(kept)).toBe(true);
    expect(read(kept)).toStrictEqual(read(other));
    expect(exactStamp(read(kept) as Date)).toBe(EXACT);
    expect(exactStamp(read(other) as Date)).toBeUndefined();
  });

  it('is one parser however often the client is handed out', () => {
    const kept = client();
    keepPostgresStamps(kept);
    const parser: unknown = kept.getTypeParser(TIMESTAMPTZ, 'text');
    keepPostgresStamps(kept);
    expect(kept.getTypeParser(TIMESTAMPTZ, 'text')).toBe(parser);
  });

  it.each<[string, (kept: pg.Client) => void]>([
    ['of the client, set before', (kept) => kept.setTypeParser(TIMESTAMPTZ, (text: string) => `own ${text}`)],
    ['of all clients, set before', () => pg.types.setTypeParser(TIMESTAMPTZ, (text) => `own ${text}`)],
  ])('leaves a parser of the application in force: %s', (_, set) => {
    const kept = client();
    set(kept);
    keepPostgresStamps(kept);
    keepPostgresStamps(kept);
    expect(read(kept)).toBe(`own ${TEXT}`);
  });

  it('leaves a parser of the application in force that is set later', () => {
    const [one, another] = [client(), client()];
    for (const each of [one, another]) keepPostgresStamps(each);
    one.setTypeParser(TIMESTAMPTZ, (text: string) => `own ${text}`);
    pg.types.setTypeParser(TIMESTAMPTZ, (text) => `all ${text}`);
    for (const each of [one, another]) keepPostgresStamps(each);
    expect(read(one)).toBe(`own ${TEXT}`);
    expect(read(another)).toBe(`all ${TEXT}`);
  });

  it('hears the parsers that the client was made with', () => {
    const types = { getTypeParser: () => () => new Date(5) } as unknown as pg.CustomTypesConfig;
    const kept = client({ types });
    keepPostgresStamps(kept);
    keepPostgresStamps(kept);
    expect(read(kept)).toStrictEqual(new Date(5));
    expect(exactStamp(read(kept) as Date)).toBe(EXACT);
  });

  it.each([undefined, null, {}, { query: () => undefined }])('says no to a client without parsers: %o', (other) => {
    expect(keepPostgresStamps(other)).toBe(false);
  });
});
