import { BLIND, type Case, type Expectation } from './cases.js';
import type { RequestRecord } from './open-load.js';
import type { Measured } from './run-case.js';
import { HELD, SETTINGS, type Policy } from './settings.js';
import type { LoadRecord } from './worker/protocol.js';

/** A row of the table: what was seen of the requests under one policy. */
export interface Row {
  readonly policy: Policy | typeof HELD;
  readonly requests: number;
  readonly failed: number;
  readonly slowestMs: number;
  readonly loads: number;
  readonly recoveryMs: number | undefined;
}

/** What a request is answered whose lock, store or load has not kept a deadline. */
const OF_DEADLINES: readonly number[] = [503, 504];
/** From the moment at which a load is told of back to the one from which freshness counts, the answer of its store on the way. */
const SLACK_MS = 100;

export function rowsOf({ policies }: Case, measured: Measured): Row[] {
  return (Object.keys(policies) as (Policy | typeof HELD)[]).map((policy) => {
    const requests = measured.requests.filter(({ group }) => group === policy);
    return {
      policy,
      requests: requests.length,
      failed: requests.filter(({ status }) => status !== 200).length,
      slowestMs: Math.max(0, ...requests.filter(({ struck }) => !struck).map(({ tookMs }) => tookMs)),
      loads: measured.loads.filter(({ group }) => group === policy).length,
      recoveryMs: measured.recoveryMs,
    };
  });
}

/** What is not as the case says it must be. */
export function complaintsOf(each: Case, measured: Measured): string[] {
  return [
    ...measured.complaints,
    ...[...measured.reports].flatMap(([name, { unhandled }]) => unhandled.map((what) => `${name}: ${what}`)),
    ...ofEvents(each, measured),
    ...ofRecovery(each, measured),
    ...ofKnocks(each, measured),
    ...Object.entries<Expectation>(each.policies).flatMap(([policy, expectation]) =>
      ofPolicy(each, policy, expectation, measured).map((what) => `${policy}: ${what}`),
    ),
  ];
}

/** Those of them that speak of how long or how often, which whatever else the machine does may lengthen: none of a wrong answer. */
export function complaintsOfTime(each: Case, measured: Measured): string[] {
  return [
    ...(measured.recoveryMs === undefined ? [] : ofRecovery(each, measured)),
    ...ofKnocks(each, measured),
    ...Object.keys(each.policies).flatMap((policy) => {
      const requests = measured.requests.filter(({ group }) => group === policy);
      return ofSlowest(each, requests, measured).map((what) => `${policy}: ${what}`);
    }),
  ];
}

/**
 * Those of them that an instance causes that takes a part for away: its own machine stood still for longer than the part had to
 * answer. A case in which the store must be away is not one of these.
 */
export function complaintsOfDeadlines(each: Case, measured: Measured): string[] {
  const { silent = [], tells = [] } = each;
  const storeAway = toldIn(measured, 'store-unavailable') && !tells.includes('store-unavailable');
  return [
    ...ofSilence({ ...each, silent: silent.filter((type) => BLIND.includes(type)) }, measured),
    ...Object.entries<Expectation>(each.policies).flatMap(([policy, expectation]) => {
      const requests = measured.requests.filter(({ group }) => group === policy);
      const failures = failuresOf(each, expectation, requests, measured);
      const loads = measured.loads.filter(({ group }) => group === policy);
      return [
        ...(failures.every(({ status }) => OF_DEADLINES.includes(status))
          ? ofFailures(failures, requests, measured)
          : []),
        ...(storeAway ? ofEarlyLoads(expectation, loads, measured) : []),
      ].map((what) => `${policy}: ${what}`);
    }),
  ];
}

/** The longest load of any worker. */
export function slowestLoadOf({ reports }: Measured): number {
  return Math.max(...[...reports.values()].map((report) => report.slowestLoadMs));
}

function toldIn({ reports }: Measured, type: string): boolean {
  return [...reports.values()].some(({ events }) => (events[type] ?? 0) > 0);
}

function ofEvents(each: Case, measured: Measured): string[] {
  const { tells = [] } = each;
  const untold = tells.filter((type) => !toldIn(measured, type)).map((type) => `nobody told of ${type}`);
  return [...untold, ...ofSilence(each, measured)];
}

function ofSilence({ silent = [] }: Case, measured: Measured): string[] {
  return silent.filter((type) => toldIn(measured, type)).map((type) => `somebody told of ${type}`);
}

function ofRecovery({ recoveryMs }: Case, measured: Measured): string[] {
  if (measured.recoveryMs === undefined) return ['it did not recover'];
  const bound = recoveryMs + 2 * measured.lagMs;
  return measured.recoveryMs > bound
    ? [`it recovered after ${ms(measured.recoveryMs)}, and not within ${ms(bound)}`]
    : [];
}

function ofKnocks({ knocksPerSecond: bound = Infinity }: Case, { knocksPerSecond = 0 }: Measured): string[] {
  return knocksPerSecond <= bound
    ? []
    : [`each tried ${knocksPerSecond.toFixed(1)} times a second to reach what is away`];
}

function ofPolicy(each: Case, policy: string, expectation: Expectation, measured: Measured): string[] {
  const requests = measured.requests.filter(({ group }) => group === policy);
  const loads = measured.loads.filter(({ group }) => group === policy);
  if (requests.length === 0) return ['nobody asked'];
  return [
    ...ofFailures(failuresOf(each, expectation, requests, measured), requests, measured),
    ...ofSlowest(each, requests, measured),
    ...ofAge(policy, requests, measured),
    ...ofLoads(expectation, loads, measured),
  ];
}

function failuresOf(
  { rememberedMs = 0 }: Case,
  { mayFail = [] }: Expectation,
  requests: readonly RequestRecord[],
  measured: Measured,
): RequestRecord[] {
  const recoveredAt = measured.backAt + (measured.recoveryMs ?? Infinity) + rememberedMs;
  return requests.filter(
    ({ status, sentAt }) => status !== 200 && !(mayFail.includes(status) && sentAt <= recoveredAt + SLACK_MS),
  );
}

function ofFailures(
  failures: readonly RequestRecord[],
  requests: readonly RequestRecord[],
  measured: Measured,
): string[] {
  const [first] = failures;
  if (first === undefined) return [];
  const when = ms(first.sentAt - measured.faultAt);
  return [`${failures.length} of ${requests.length} failed, the first with ${first.status} after ${when}`];
}

function ofSlowest({ slowestMs }: Case, requests: readonly RequestRecord[], measured: Measured): string[] {
  const bound = slowestLoadOf(measured) + slowestMs + 2 * measured.lagMs;
  const late = requests.filter(({ struck, tookMs }) => !struck && tookMs > bound);
  const worst = Math.max(0, ...late.map(({ tookMs }) => tookMs));
  return worst === 0 ? [] : [`${late.length} took up to ${ms(worst)}, and not ${ms(bound)}`];
}

/** Nothing is served beyond its time to live, except where that was asked for. Who joins a load is served what that load began to read before. */
function ofAge(policy: string, requests: readonly RequestRecord[], measured: Measured): string[] {
  if (policy === 'stale' || policy === HELD) return [];
  const oldest = SETTINGS.ttlMs + slowestLoadOf(measured) + SLACK_MS;
  const old = requests.filter(({ ageMs = 0, tookMs }) => ageMs > oldest + tookMs);
  return old.length === 0 ? [] : [`${old.length} answers were older than their time to live`];
}

function ofLoads(expectation: Expectation, loads: readonly LoadRecord[], measured: Measured): string[] {
  const overtaken = toldIn(measured, 'flight-superseded');
  const atOnce = Math.max(...[...measured.reports.values()].map(({ loadsAtOnce }) => loadsAtOnce));
  if (atOnce > (overtaken ? 2 : 1)) return [`${atOnce} loads of a key at a time in one process`];
  return ofEarlyLoads(expectation, loads, measured);
}

function ofEarlyLoads(
  { loads: bound, more = 0 }: Expectation,
  loads: readonly LoadRecord[],
  measured: Measured,
): string[] {
  if (bound === 'turn') return [];
  const startsOf = new Map<string, number[]>();
  for (const { at, key, worker } of [...loads].sort((a, b) => a.at - b.at)) {
    const name = bound === 'fleet' ? key : `${key} in ${worker}`;
    startsOf.set(name, [...(startsOf.get(name) ?? []), at]);
  }
  const shortest = SETTINGS.ttlMs - SLACK_MS - measured.lagMs;
  return [...startsOf].flatMap(([name, starts]) => {
    const early = starts.filter((at, index) => index > 0 && at - starts[index - 1]! < shortest).length;
    return early > more ? [`${early} loads of ${name} began while a value was fresh`] : [];
  });
}

function ms(duration: number): string {
  return `${Math.round(duration)} ms`;
}
