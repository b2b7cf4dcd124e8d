import { describe, expect, it } from 'vitest';
import type { Case } from '../../faults/cases.js';
import type { RequestRecord } from '../../faults/open-load.js';
import type { Measured } from '../../faults/run-case.js';
import { SETTINGS } from '../../faults/settings.js';
import { complaintsOf, complaintsOfDeadlines, complaintsOfTime, rowsOf } from '../../faults/verdict.js';
import type { LoadRecord, WorkerReport } from '../../faults/worker/protocol.js';

const CASE: Case = {
  name: 'a fault',
  chapter: 'Redis',
  stage: 'single',
  fault: () => ({ part: 'store', inflict: () => Promise.resolve() }),
  policies: { default: { loads: 'fleet' } },
  slowestMs: 2_000,
  recoveryMs: 2_000,
};

const REPORT: WorkerReport = {
  canaries: [],
  events: { hit: 5 },
  lagMs: 5,
  slowestLoadMs: 30,
  loadsAtOnce: 1,
  unhandled: [],
  cutOff: 0,
  resources: {},
};

function request(more: Partial<RequestRecord> = {}): RequestRecord {
  const plain = { group: 'default', worker: 'worker-1', sentAt: 500, tookMs: 3, status: 200, ageMs: 400 };
  return { ...plain, struck: false, moved: 0, ...more };
}

function load(at: number, more: Partial<LoadRecord> = {}): LoadRecord {
  return { group: 'default', key: 'k', worker: 'worker-1', at, ...more };
}

/** A fault at 0 that is over at 1,000, of which nobody noticed anything. */
function measured({ report, ...more }: Partial<Measured> & { readonly report?: Partial<WorkerReport> } = {}): Measured {
  return {
    requests: [request()],
    loads: [load(0), load(SETTINGS.ttlMs)],
    reports: new Map([['worker-1', { ...REPORT, ...report }]]),
    faultAt: 0,
    backAt: 1_000,
    lagMs: 10,
    recoveryMs: 100,
    knocksPerSecond: 2,
    complaints: [],
    ...more,
  };
}

it('finds nothing wrong where nothing is', () => {
  expect(complaintsOf(CASE, measured())).toEqual([]);
});

it('tells what is a matter of time from what is wrong', () => {
  const late = measured({ recoveryMs: 9_000, knocksPerSecond: 50, requests: [request({ tookMs: 9_000 })] });
  const each = { ...CASE, knocksPerSecond: 6 };
  expect(complaintsOfTime(each, late)).toHaveLength(3);
  expect(complaintsOf(each, late)).toEqual(expect.arrayContaining(complaintsOfTime(each, late)));

  const wrong = measured({ recoveryMs: undefined, requests: [request({ status: 500 })], complaints: ['odd'] });
  expect(complaintsOf(each, wrong).length).toBeGreaterThan(2);
  expect(complaintsOfTime(each, wrong)).toEqual([]);
});

it('tells what a missed deadline causes from what is wrong', () => {
  const each: Case = { ...CASE, silent: ['store-unavailable', 'hit'] };
  const events = { 'store-unavailable': 1, hit: 1 };
  const loads = [load(0), load(800)];
  const missed = measured({
    requests: [request({ status: 503 }), request({ status: 504 })],
    loads,
    report: { events },
  });
  const told = 'somebody told of store-unavailable';
  const expected = [told, expect.stringMatching(/2 of 2 failed/), expect.stringMatching(/1 loads of k began/)];
  expect(complaintsOfDeadlines(each, missed)).toEqual(expected);
  expect(complaintsOf(each, missed)).toEqual(expect.arrayContaining([...expected, 'somebody told of hit']));

  // The store must be away in this case, and a 500 is no missed deadline.
  const wrong = measured({ requests: [request({ status: 503 }), request({ status: 500 })], loads, report: { events } });
  expect(complaintsOfDeadlines({ ...CASE, tells: ['store-unavailable'] }, wrong)).toEqual([]);
  expect(complaintsOfDeadlines(CASE, measured({ loads }))).toEqual([]);
});

describe('a verdict names', () => {
  const wrong: Record<string, { seen: Parameters<typeof measured>[0]; of?: Partial<Case>; says: RegExp }> = {
    'a request that failed': { seen: { requests: [request({ status: 503 })] }, says: /default: 1 of 1 failed, .* 503/ },
    'one that was never answered': { seen: { requests: [request({ status: 0 })] }, says: /failed, the first with 0/ },
    'a failure that may be, after the recovery': {
      seen: { requests: [request({ status: 503, sentAt: 1_300 })] },
      of: { policies: { default: { loads: 'fleet', mayFail: [503] } } },
      says: /failed/,
    },
    'a failure of a kind that may not be': {
      seen: { requests: [request({ status: 500 })] },
      of: { policies: { default: { loads: 'fleet', mayFail: [503] } } },
      says: /failed/,
    },
    'nobody asking': { seen: { requests: [] }, says: /nobody asked/ },
    'an answer that is too slow': {
      seen: { requests: [request({ tookMs: 2_051 })] },
      says: /1 took up to 2051 ms, and not 2050/,
    },
    'an answer that is too old': { seen: { requests: [request({ ageMs: 1_134 })] }, says: /older than their time/ },
    'two loads in one life of a value': {
      seen: { loads: [load(0), load(800, { worker: 'worker-2' })] },
      says: /1 loads of k began while/,
    },
    'two loads of a process where each may load once': {
      seen: { loads: [load(0), load(800)] },
      of: { policies: { default: { loads: 'process' } } },
      says: /1 loads of k in worker-1 began while/,
    },
    'loads at the same time': {
      seen: { report: { loadsAtOnce: 2 } },
      of: { policies: { default: { loads: 'turn' } } },
      says: /2 loads of a key at a time/,
    },
    'an unhandled rejection': { seen: { report: { unhandled: ['Error: x'] } }, says: /worker-1: Error: x/ },
    'what was not told': { seen: {}, of: { tells: ['store-unavailable'] }, says: /nobody told of store-unavailable/ },
    'what was told': { seen: {}, of: { silent: ['hit'] }, says: /somebody told of hit/ },
    'a late recovery': { seen: { recoveryMs: 2_021 }, says: /recovered after 2021 ms, and not within 2020 ms/ },
    'a part that is away and is asked all the same': {
      seen: { knocksPerSecond: 30 },
      of: { knocksPerSecond: 6 },
      says: /each tried 30.0 times a second/,
    },
    'no recovery': { seen: { recoveryMs: undefined }, says: /did not recover/ },
    'what the fault itself has seen': { seen: { complaints: ['odd'] }, says: /^odd$/ },
  };

  it.each(Object.entries(wrong))('%s', (_what, { seen, of, says }) => {
    expect(complaintsOf({ ...CASE, ...of }, measured(seen))).toEqual([expect.stringMatching(says)]);
  });
});

describe('a verdict allows', () => {
  const right: Record<string, { seen: Parameters<typeof measured>[0]; of?: Partial<Case> }> = {
    'failures that may be, while the part is away': {
      seen: { requests: [request({ status: 503 }), request()] },
      of: { policies: { default: { loads: 'fleet', mayFail: [503] } } },
    },
    'a slow answer of a process that was stopped': { seen: { requests: [request({ tookMs: 9_000, struck: true })] } },
    'one more load, where the fault threw a value away': {
      seen: { loads: [load(0), load(500)] },
      of: { policies: { default: { loads: 'fleet', more: 1 } } },
    },
    'loads of two processes where each may load': {
      seen: { loads: [load(0), load(10, { worker: 'worker-2' })] },
      of: { policies: { default: { loads: 'process' } } },
    },
    'an overtaken load beside a current one': {
      seen: { report: { loadsAtOnce: 2, events: { 'flight-superseded': 1 } } },
      of: { policies: { default: { loads: 'turn' } } },
    },
    'an old value where stale ones were asked for': {
      seen: { requests: [request({ group: 'stale', ageMs: 30_000 })] },
      of: { policies: { stale: { loads: 'fleet' } } },
    },
  };

  it.each(Object.entries(right))('%s', (_what, { seen, of }) => {
    expect(complaintsOf({ ...CASE, ...of }, measured(seen))).toEqual([]);
  });
});

it('makes a row of each policy, without those that a stopped process answered late', () => {
  const requests = [
    request({ tookMs: 7 }),
    request({ status: 503, tookMs: 20 }),
    request({ tookMs: 900, struck: true }),
  ];
  expect(rowsOf(CASE, measured({ requests }))).toEqual([
    { policy: 'default', requests: 3, failed: 1, slowestMs: 20, loads: 2, recoveryMs: 100 },
  ]);
});
