import type { CacheEvent } from '../../lib/core/cache-event.js';
import { frozen, killed, onTheWay } from './faults/any-server.js';
import type { Fault } from './faults/fault.js';
import { killedBeforeAnnouncing, writtenWhileAway } from './faults/of-announcements.js';
import { blocked, clockStepped, holderKilled, oddLoaded, stopped, terminated } from './faults/of-processes.js';
import {
  failover,
  outOfMemory,
  readOnlyReplica,
  scribbledOver,
  scriptsFlushed,
  wrongPassword,
} from './faults/of-redis.js';
import { aclRefused, chrootRemoved, followerKilled, leaderKilled, quorumLost } from './faults/of-zookeeper.js';
import { HELD, HELD_LOAD_MS, SETTINGS, type Length, type Policy } from './settings.js';
import type { StageKind } from './stage.js';

/** What must hold for the requests under one policy while a part is broken. */
export interface Expectation {
  /** What may be answered beside 200 from the fault until the recovery. Left out: nothing. */
  readonly mayFail?: readonly number[];
  /**
   * Who may load a key: `fleet`: one instance in each life of a value; `process`: each instance, once in each life; `turn`: each instance, one load after the other.
   */
  readonly loads: 'fleet' | 'process' | 'turn';
  /** So many loads more for each key, because the fault throws values away or kills who loads. */
  readonly more?: number;
}

/** What a fault is done to; the cases of one run one after the other. */
export const CHAPTERS = ['ZooKeeper', 'Redis', 'PostgreSQL', 'process', 'input'] as const;

export type Chapter = (typeof CHAPTERS)[number];

/** One fault, and what must hold while it lasts and after it. Durations are milliseconds. */
export interface Case {
  readonly name: string;
  readonly chapter: Chapter;
  readonly stage: StageKind;
  fault(): Fault;
  /** How long it lasts. `quick` left out: as the short one. All left out: as long as it takes. */
  readonly forMs?: { readonly quick?: number; readonly short: number; readonly long: number };
  /** The instances are started while it lasts. */
  readonly atStart?: true;
  readonly policies: Partial<Record<Policy | typeof HELD, Expectation>>;
  /** An answer may take one load, and so much more. */
  readonly slowestMs: number;
  /** So long after the recovery what has failed is still told, instead of tried again. Default 0. */
  readonly rememberedMs?: number;
  /** From the moment at which the part is back, or is replaced, until every instance works as before. */
  readonly recoveryMs: number;
  /** The part is not healed, another takes its place: the page tells the time from the kill, too. */
  readonly succeeded?: true;
  /** At most so often each instance tries in a second to reach the part that is away, once it knows. */
  readonly knocksPerSecond?: number;
  /** What must be told, or the fault was none. */
  readonly tells?: readonly CacheEvent['type'][];
  /** What must not be told. */
  readonly silent?: readonly CacheEvent['type'][];
}

const { lockTimeoutMs, storeTimeoutMs, shortSessionTimeoutMs } = SETTINGS;

const RECOVERY_MS = 2_000;
/** Whatever the session timeout: an attempt to reconnect every 850 ms at most; the breaker then probes at once. */
const SUCCESSION_MS = 1_000;
/**
 * A probe every 500 ms, and the client's own attempts to connect: of ZooKeeper's a new one every 350 to 850 ms, which knocks some four times until it is given up. Without a breaker it would be
 * every request: 80 a second.
 */
const KNOCKS_PER_SECOND = 15;
const BLOCKED_MS = 5_000;
/** As it comes. */
const FAILURE_BACKOFF_MS = 1_000;
/** What an instance tells that takes a part for away. */
export const BLIND: readonly CacheEvent['type'][] = ['lock-unavailable', 'lock-lost', 'store-unavailable'];

const noLock = {
  policies: {
    // When the lock service goes and comes some instances know it before others: one loads by the lock, one by the lease.
    default: { loads: 'fleet', more: 2 },
    load: { loads: 'process' },
    fail: { loads: 'fleet', more: 1, mayFail: [503] },
    stale: { loads: 'fleet', more: 2 },
  },
  slowestMs: 2 * lockTimeoutMs,
  recoveryMs: RECOVERY_MS,
} as const;

const noStore = {
  policies: {
    default: { loads: 'turn' },
    fail: { loads: 'fleet', more: 1, mayFail: [503] },
    stale: { loads: 'turn' },
  },
  slowestMs: 2 * storeTimeoutMs,
  recoveryMs: RECOVERY_MS,
  tells: ['store-unavailable'],
} as const;

/** As without a lock service; and a load for which an instance got the lock before it was stopped begins when it goes on. */
const stoppedInstance = {
  ...noLock,
  policies: {
    ...noLock.policies,
    default: { loads: 'fleet', more: 3 },
    fail: { loads: 'fleet', more: 2, mayFail: [503] },
    stale: { loads: 'fleet', more: 3 },
  },
} as const;

/** Nothing that callers notice. */
const unnoticed = {
  policies: { default: { loads: 'fleet' }, fail: { loads: 'fleet' }, stale: { loads: 'fleet' } },
  recoveryMs: RECOVERY_MS,
  silent: BLIND,
} as const;

const held = { [HELD]: { loads: 'fleet', more: 1 } } as const;

export function durationOf({ forMs }: Case, length: Length): number | undefined {
  return length === 'quick' ? (forMs?.quick ?? forMs?.short) : forMs?.[length];
}

export const CASES: readonly Case[] = [
  {
    ...noLock,
    name: 'ZooKeeper is killed, and comes back',
    chapter: 'ZooKeeper',
    stage: 'single',
    fault: () => killed('zooKeeper'),
    forMs: { quick: 3_500, short: 5_000, long: 60_000 },
    knocksPerSecond: KNOCKS_PER_SECOND,
    tells: ['lock-unavailable'],
  },
  {
    ...noLock,
    name: 'ZooKeeper is not there at start',
    chapter: 'ZooKeeper',
    stage: 'single',
    atStart: true,
    fault: () => killed('zooKeeper'),
    forMs: { short: 3_000, long: 30_000 },
    knocksPerSecond: KNOCKS_PER_SECOND,
    tells: ['lock-unavailable'],
  },
  {
    ...noLock,
    name: 'Packets to and from ZooKeeper vanish',
    chapter: 'ZooKeeper',
    stage: 'single',
    fault: () => onTheWay('zooKeeper', (proxy) => proxy.blackHole()),
    forMs: { quick: 3_000, short: 5_000, long: 60_000 },
    // No bound of knocks: locks that were held are given back again and again, in the background.
    tells: ['lock-unavailable'],
  },
  {
    ...noLock,
    name: 'Connections to ZooKeeper are reset',
    chapter: 'ZooKeeper',
    stage: 'single',
    fault: () => onTheWay('zooKeeper', (proxy) => proxy.reset()),
  },
  {
    ...noLock,
    name: 'ZooKeeper refuses by its ACL',
    chapter: 'ZooKeeper',
    stage: 'single',
    fault: aclRefused,
    forMs: { short: 2_000, long: 30_000 },
    tells: ['lock-unavailable'],
  },
  {
    ...noLock,
    name: 'ZooKeeper refuses by its ACL at start',
    chapter: 'ZooKeeper',
    stage: 'single',
    atStart: true,
    fault: aclRefused,
    forMs: { short: 2_000, long: 30_000 },
    tells: ['lock-unavailable'],
  },
  {
    ...noLock,
    name: 'The chroot in ZooKeeper is missing',
    chapter: 'ZooKeeper',
    stage: 'single',
    fault: chrootRemoved,
  },
  {
    ...noLock,
    name: 'The chroot in ZooKeeper is missing at start',
    chapter: 'ZooKeeper',
    stage: 'single',
    atStart: true,
    fault: chrootRemoved,
  },
  {
    ...stoppedInstance,
    name: 'A session expires, because its process is stopped',
    chapter: 'ZooKeeper',
    stage: 'rows',
    fault: () => stopped({ holding: false }),
    forMs: { short: 3_500, long: 20_000 },
    slowestMs: 2 * shortSessionTimeoutMs,
    tells: ['lock-state'],
  },
  {
    ...noLock,
    name: 'The leader of three ZooKeepers is killed',
    chapter: 'ZooKeeper',
    stage: 'ensemble',
    fault: leaderKilled,
    succeeded: true,
    recoveryMs: SUCCESSION_MS,
  },
  {
    ...noLock,
    name: 'A follower of three ZooKeepers is killed',
    chapter: 'ZooKeeper',
    stage: 'ensemble',
    fault: followerKilled,
    succeeded: true,
    recoveryMs: SUCCESSION_MS,
  },
  {
    ...noLock,
    name: 'Two of three ZooKeepers are killed, and come back',
    chapter: 'ZooKeeper',
    stage: 'ensemble',
    fault: quorumLost,
    forMs: { quick: 3_000, short: 4_000, long: 60_000 },
    tells: ['lock-unavailable'],
  },
  {
    ...noStore,
    name: 'Redis is killed, and comes back empty',
    chapter: 'Redis',
    stage: 'single',
    fault: () => killed('redis'),
    forMs: { quick: 3_500, short: 4_000, long: 60_000 },
    knocksPerSecond: KNOCKS_PER_SECOND,
  },
  {
    ...noStore,
    name: 'Redis is not there at start',
    chapter: 'Redis',
    stage: 'single',
    atStart: true,
    fault: () => killed('redis'),
    forMs: { short: 3_000, long: 30_000 },
    knocksPerSecond: KNOCKS_PER_SECOND,
  },
  {
    ...noStore,
    name: 'Redis is frozen',
    chapter: 'Redis',
    stage: 'single',
    fault: () => frozen('redis'),
    forMs: { quick: 3_500, short: 10_000, long: 60_000 },
    knocksPerSecond: KNOCKS_PER_SECOND,
  },
  {
    ...noStore,
    name: 'Connections to Redis are reset',
    chapter: 'Redis',
    stage: 'single',
    fault: () => onTheWay('redis', (proxy) => proxy.reset()),
    tells: [],
  },
  {
    ...unnoticed,
    name: 'Redis is slow: 50 ms each way',
    chapter: 'Redis',
    stage: 'single',
    fault: () => onTheWay('redis', (proxy) => proxy.delay(50)),
    forMs: { quick: 2_000, short: 3_000, long: 30_000 },
    slowestMs: 2 * storeTimeoutMs,
  },
  {
    ...noStore,
    name: 'Redis is out of memory',
    chapter: 'Redis',
    stage: 'single',
    fault: outOfMemory,
    forMs: { quick: 2_000, short: 3_000, long: 30_000 },
  },
  {
    ...noStore,
    name: 'Redis becomes a read-only replica',
    chapter: 'Redis',
    stage: 'single',
    fault: readOnlyReplica,
    forMs: { quick: 2_000, short: 3_000, long: 30_000 },
  },
  {
    ...noStore,
    name: "Redis's password is another",
    chapter: 'Redis',
    stage: 'single',
    fault: wrongPassword,
    forMs: { quick: 2_000, short: 3_000, long: 30_000 },
  },
  {
    ...noStore,
    name: "Redis's password is another at start",
    chapter: 'Redis',
    stage: 'single',
    atStart: true,
    fault: wrongPassword,
    forMs: { quick: 2_000, short: 3_000, long: 30_000 },
  },
  {
    ...unnoticed,
    name: 'SCRIPT FLUSH, again and again',
    chapter: 'Redis',
    stage: 'single',
    fault: () => scriptsFlushed(10),
    slowestMs: 2 * storeTimeoutMs,
  },
  {
    ...noStore,
    name: 'A master of a Redis Cluster is killed',
    chapter: 'Redis',
    stage: 'cluster',
    fault: failover,
    succeeded: true,
  },
  {
    ...noStore,
    name: 'Rows are written through TypeORM while nobody reaches Redis',
    chapter: 'Redis',
    stage: 'rows',
    fault: writtenWhileAway,
    forMs: { quick: 2_000, short: 3_000, long: 30_000 },
    tells: ['store-unavailable', 'announcement-failed', 'announcement-made-up'],
    silent: ['announcement-lost'],
  },
  {
    name: 'PostgreSQL is away',
    chapter: 'PostgreSQL',
    stage: 'single',
    fault: () => killed('postgres'),
    forMs: { quick: 3_000, short: 10_000, long: 60_000 },
    policies: {
      default: { loads: 'fleet', mayFail: [500, 503] },
      stale: { loads: 'fleet' },
    },
    rememberedMs: FAILURE_BACKOFF_MS,
    slowestMs: SETTINGS.loadTimeoutMs,
    recoveryMs: RECOVERY_MS,
    tells: ['load-failed'],
    silent: BLIND,
  },
  {
    ...unnoticed,
    name: 'PostgreSQL is slow: 200 ms each way',
    chapter: 'PostgreSQL',
    stage: 'single',
    fault: () => onTheWay('postgres', (proxy) => proxy.delay(200)),
    forMs: { quick: 2_000, short: 3_000, long: 30_000 },
    slowestMs: 2 * storeTimeoutMs,
  },
  {
    ...stoppedInstance,
    name: 'The holder of a lock is stopped past its session',
    chapter: 'process',
    stage: 'rows',
    fault: () => stopped({ holding: true }),
    forMs: { short: 4_500, long: 20_000 },
    policies: { ...stoppedInstance.policies, ...held },
    slowestMs: 2 * shortSessionTimeoutMs,
  },
  {
    ...noLock,
    name: 'The holder of a lock is killed',
    chapter: 'process',
    stage: 'rows',
    fault: holderKilled,
    policies: { ...noLock.policies, ...held },
    slowestMs: HELD_LOAD_MS + 2 * shortSessionTimeoutMs,
  },
  {
    ...noLock,
    name: 'An instance is killed between a commit and its announcement',
    chapter: 'process',
    stage: 'rows',
    fault: killedBeforeAnnouncing,
    succeeded: true,
    slowestMs: 2 * shortSessionTimeoutMs,
    tells: ['outbox-drained'],
  },
  {
    ...noLock,
    name: 'An event loop is blocked',
    chapter: 'process',
    stage: 'single',
    fault: () => blocked(BLOCKED_MS),
    slowestMs: BLOCKED_MS + 2 * lockTimeoutMs,
  },
  {
    ...unnoticed,
    name: 'Wall clocks are stepped by an hour, forward and back',
    chapter: 'process',
    stage: 'single',
    fault: clockStepped,
    forMs: { quick: 2_000, short: 3_000, long: 30_000 },
    slowestMs: 2 * storeTimeoutMs,
  },
  {
    ...noLock,
    name: 'An instance is ended (SIGTERM)',
    chapter: 'process',
    stage: 'single',
    fault: terminated,
    policies: { ...noLock.policies, ...held },
    slowestMs: HELD_LOAD_MS + 2 * lockTimeoutMs,
  },
  {
    ...unnoticed,
    name: 'Foreign, older and unreadable bytes under our keys',
    chapter: 'input',
    stage: 'single',
    fault: () => scribbledOver(10),
    policies: {
      default: { loads: 'fleet', more: 10 },
      fail: { loads: 'fleet', more: 10 },
      stale: { loads: 'fleet', more: 10 },
    },
    slowestMs: 2 * storeTimeoutMs,
    tells: ['corrupt-entry'],
  },
  {
    ...unnoticed,
    name: 'Values and keys that no cache should get',
    chapter: 'input',
    stage: 'single',
    fault: oddLoaded,
    slowestMs: BLOCKED_MS + 2 * storeTimeoutMs,
    tells: ['not-stored'],
    // 50 MB of JSON are an event loop that does not turn, and deadlines that are missed.
    policies: { ...unnoticed.policies, fail: { loads: 'fleet', more: 1, mayFail: [503] } },
    silent: [],
  },
];
