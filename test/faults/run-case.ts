import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as rest } from 'node:timers/promises';
import type { Case } from './cases.js';
import { OpenLoad, type RequestRecord } from './open-load.js';
import { calm } from './calm.js';
import type { Fault } from './faults/fault.js';
import { Recovery } from './recovery.js';
import { HELD, monotonicMs, type Policy } from './settings.js';
import { durationOf } from './cases.js';
import type { Stage } from './stage.js';
import type { LoadRecord, WorkerReport } from './worker/protocol.js';

/** What was seen of a case. Moments are of the monotonic clock, durations milliseconds. */
export interface Measured {
  /** Those from the moment at which all was well, before the fault. */
  readonly requests: readonly RequestRecord[];
  readonly loads: readonly LoadRecord[];
  /** By worker. */
  readonly reports: ReadonlyMap<string, WorkerReport>;
  readonly faultAt: number;
  readonly backAt: number;
  /** The longest time for which the event loop of a process that was not struck did not turn, and of the senders added. */
  readonly lagMs: number;
  /** Undefined: it did not recover. */
  readonly recoveryMs: number | undefined;
  /** How often each instance has tried to reach the part in a second, from the moment on at which it had time to learn that it is away. Undefined: there was no such time, or no proxy to count at. */
  readonly knocksPerSecond: number | undefined;
  readonly complaints: readonly string[];
}

/** How long all is well after the fault before a case ends. */
const WELL_MS = 1_000;
const GIVE_UP_MS = 60_000;
/** Deadlines are over by then, and breakers open. */
const LEARNT_MS = 2_500;
const RESOLUTION_MS = 10;

export async function runCase(stage: Stage, each: Case): Promise<Measured> {
  const { atStart, policies } = each;
  const { fleet, length, scale } = stage;
  const forMs = durationOf(each, length);
  const fault = each.fault();
  const steady = Object.keys(policies).filter((policy) => policy !== HELD) as Policy[];
  const load = new OpenLoad(
    () => fleet.workers,
    steady,
    scale,
    Math.max(scale.leastPerSecond, stage.requestsPerSecond),
  );
  const recovery = new Recovery(fleet);
  const lag = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  if (atStart) {
    await fleet.close();
    await fault.inflict(stage, load);
  }
  await fleet.fill();
  if (atStart) {
    load.requestsPerSecond /= 2;
    await warm(load, fleet.workers.length);
  }
  load.start();
  if (!atStart) await calm(load, recovery);
  if (!atStart) stage.requestsPerSecond = load.requestsPerSecond;
  await fleet.reports();
  recovery.forget();
  fleet.loads.length = 0;
  lag.enable();
  const faultAt = monotonicMs();
  let backAt: number;
  let knocksPerSecond: number | undefined;
  try {
    if (!atStart) await fault.inflict(stage, load);
    if (forMs !== undefined) knocksPerSecond = await countKnocks(stage, fault, forMs);
    await fault.heal?.(stage);
    backAt = monotonicMs();
    await recovery.until(backAt, GIVE_UP_MS);
    await rest(WELL_MS);
  } finally {
    await load.stop();
  }
  await recovery.look();
  lag.disable();
  await fault.cleanUp?.(stage);
  const lags = [...recovery.reports].filter(([name]) => name !== fault.struck?.name).map(([, { lagMs }]) => lagMs);
  return {
    requests: load.requests.filter(({ sentAt }) => sentAt >= faultAt),
    loads: [...fleet.loads],
    reports: recovery.reports,
    faultAt,
    backAt,
    lagMs: Math.max(...lags) + Math.max(0, lag.max / 1e6 - RESOLUTION_MS),
    recoveryMs: recovery.recoveredAfter(backAt),
    knocksPerSecond,
    complaints: fault.complaints?.(stage) ?? [],
  };
}

/** Lets a fault last, and counts at the proxy what comes to the part that is away. */
async function countKnocks(
  { fleet, kind, proxies }: Stage,
  { part }: Fault,
  forMs: number,
): Promise<number | undefined> {
  const isBehindProxy = kind === 'single' && (part === 'lock' || part === 'store');
  if (!isBehindProxy || forMs <= LEARNT_MS) {
    await rest(forMs);
    return undefined;
  }
  const proxy = part === 'lock' ? proxies.zooKeeper : proxies.redis;
  await rest(LEARNT_MS);
  const before = proxy.attempts + proxy.requests;
  await rest(forMs - LEARNT_MS);
  const seconds = (forMs - LEARNT_MS) / 1_000;
  return (proxy.attempts + proxy.requests - before) / seconds / fleet.workers.length;
}

/** The first requests of a process are slow by themselves. */
async function warm(load: OpenLoad, workers: number): Promise<void> {
  for (let round = 0; round < 5; round++)
    await Promise.all(Array.from({ length: workers }, () => load.send('default', '/default/route/warm')));
}
