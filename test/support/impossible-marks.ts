const failed = (error: unknown): string => JSON.stringify({ id: 'm', kind: 'failed', error });

const of = (more: object): string => failed({ name: 'E', message: 'm', ...more });

const nested = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;

/** Marks of a failed load, as JSON, that no load has left: what a store has may have been written by anybody. */
export const IMPOSSIBLE_MARKS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [0, 99, 100, 101, 199, 600, 1_000, 9_999, -404, 404.5, '404', null, {}].map((status) => [
      `the status ${JSON.stringify(status)}`,
      of({ status }),
    ]),
  ),
  'no description': failed(null),
  'a description without a message': failed({ name: 'E' }),
  'a name that is an object': failed({ name: {}, message: 'm' }),
  'a name without end': failed({ name: 'E'.repeat(100_000), message: 'm' }),
  'a message without end': failed({ name: 'E', message: 'm'.repeat(100_000) }),
  'a code that is an object': of({ code: {} }),
  'a body without end': of({ status: 404, response: 'x'.repeat(100_000) }),
  'a body nested without end': of({ status: 404, response: 'nested' }).replace('"nested"', nested),
  'a body of many parts': of({ status: 404, response: Array.from({ length: 100_000 }, () => 0) }),
  'no id': JSON.stringify({ kind: 'failed' }),
  'another kind': JSON.stringify({ id: 'm', kind: 'maybe' }),
};
