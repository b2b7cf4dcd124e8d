import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../lib/core/clock.js';
import { LockUnavailableError } from '../../../../lib/core/errors.js';
import type { HeldLock, LockProvider } from '../../../../lib/core/lock-provider.js';
import { InProcessVersionedStore } from '../../../../lib/stores/in-process-versioned-store.js';
import { startZooKeeperEnsemble, type OwnZooKeeper, type OwnZooKeeperEnsemble } from '../../../../servers/index.js';
import { realInstance } from '../../../support/real-instance.js';
import { TcpProxy } from '../../../support/tcp-proxy.js';
import {
  Operator,
  PATIENCE_MS,
  acquire,
  acquireSoon,
  findBusy,
  freshNamespace,
  locksOf,
  openProvider,
  statesOf,
  until,
  untilState,
} from './stage.js';

/** The C client left to itself would come back at a third of this: after more than any patience here. */
const sessionTimeoutMs = 200_000;
const auth = { scheme: 'digest', credentials: 'shop:a-password' } as const;

let ensemble: OwnZooKeeperEnsemble;
const down: OwnZooKeeper[] = [];

beforeAll(async () => {
  ensemble = await startZooKeeperEnsemble();
});

afterEach(restartAll);

afterAll(async () => {
  await ensemble.stop();
});

async function kill(member: OwnZooKeeper): Promise<void> {
  down.push(member);
  await member.kill();
}

/** Two that are down answer only once both are up again. */
async function restartAll(): Promise<void> {
  await Promise.all(down.splice(0).map((member) => member.restart()));
}

/** A new leader has been elected. */
async function leaderOtherThan(former: OwnZooKeeper): Promise<void> {
  await until('another leader', async () => {
    const leader = await ensemble.leader().catch(() => undefined);
    return leader !== undefined && leader.port !== former.port;
  });
}

interface Pair {
  readonly one: LockProvider;
  readonly two: LockProvider;
  readonly namespace: string;
  readonly states: () => string[];
}

/** Two processes on the ensemble; the first begins at the member that is named, and knows the others too. */
async function pair(): Promise<Pair> {
  const namespace = freshNamespace();
  const options = {
    connectString: `${ensemble.connectString}/fleet`,
    sessionTimeoutMs,
    auth,
    protectRoot: true,
  };
  const one = await openProvider(options, { namespace });
  const two = await openProvider(options, { namespace });
  await Promise.all([untilState(one.provider, 'connected'), untilState(two.provider, 'connected')]);
  return { one: one.provider, two: two.provider, namespace, states: () => statesOf(one.events) };
}

/** The lock is still this one's: it was not taken for lost, and nobody else can have it. */
async function expectKept(held: HeldLock, key: string, other: LockProvider): Promise<void> {
  expect(held.signal.aborted).toBe(false);
  (await findBusy(other, key)).dispose();
}

describe('a ZooKeeper ensemble', { timeout: 120_000 }, () => {
  it('that loses every member in turn, its quorum and its leader, keeps the lock, and callers load meanwhile', async () => {
    const { one, two, states } = await pair();
    const held = await acquire(one, 'held');
    const waiting = (await findBusy(two, 'held')).wait({ timeoutMs: 4 * PATIENCE_MS });
    const leader = await ensemble.leader();
    const [follower, another] = await ensemble.followers();

    // 1. A follower is killed: nothing is lost.
    await kill(follower as OwnZooKeeper);
    const fresh = await acquire(one, 'new');
    await expectKept(held, 'held', two);
    await fresh.release();

    // 2. The quorum is gone: attempts end in time, callers load without a lock.
    await kill(another as OwnZooKeeper);
    await expect(two.tryAcquire('other', { timeoutMs: 500 })).rejects.toThrow(LockUnavailableError);
    const instance = realInstance(new InProcessVersionedStore({ clock: systemClock, maxEntries: 100 }), two);
    expect((await instance.load('k', () => Promise.resolve('loaded'))).value).toBe('loaded');
    expect(instance.flow()).toContain('lock-unavailable');

    // 3. It is back, and all is well.
    await restartAll();
    await (await acquire(two, 'other')).release();
    await expectKept(held, 'held', two);
    expect((await instance.load('later', () => Promise.resolve('loaded'))).value).toBe('loaded');
    expect(instance.flow().at(-1)).not.toBe('lock-unavailable');

    // 4. The leader is killed: new locks are to be had as soon as another leads.
    const last = await ensemble.leader();
    await kill(last);
    await leaderOtherThan(last);
    const electedAt = performance.now();
    const [first, second] = await Promise.all([acquire(one, 'new 1'), acquire(two, 'new 2')]);
    // Far below a third of the session timeout, which is when the C client would look again; how far is a matter of the machine.
    expect(performance.now() - electedAt).toBeLessThan(sessionTimeoutMs / 10);
    await expectKept(held, 'held', two);
    await Promise.all([first.release(), second.release()]);
    if (last !== leader) await kill(leader);
    await restartAll();
    await expectKept(held, 'held', two);

    // 5. Every one of them was away. The lock was held all the while, in the same session.
    expect(states()).not.toContain('lost');
    await held.release();
    expect(await waiting).toBe('vanished');
    expect((await acquireSoon(two, 'held')).token).toBeGreaterThan(held.token);
  });

  it('one of whose followers lags behind: it shows a free lock, and still nobody gets a second one', async () => {
    const namespace = freshNamespace();
    const [follower] = await ensemble.followers();
    const others = ensemble.members.filter((member) => member !== follower).map(({ connectString }) => connectString);
    const { provider: holder } = await openProvider(
      { connectString: others.join(','), sessionTimeoutMs },
      { namespace },
    );
    const proxy = await TcpProxy.open((follower as OwnZooKeeper).port);
    const { provider: waiter } = await openProvider(
      { connectString: proxy.address, sessionTimeoutMs },
      { namespace, via: proxy },
    );
    await (await acquire(waiter, 'first use makes the parents')).release();
    // 1. The follower is frozen, and the lock is taken by way of the others; it knows nothing of that.
    follower?.pause();
    const held = await acquire(holder, 'k');
    // 2. The waiter asks it. Its question is answered at the thaw, before or after the follower has caught up: both are right.
    const attempt = waiter.tryAcquire('k', { timeoutMs: PATIENCE_MS });
    follower?.resume();
    const seen = await attempt;
    expect(seen.acquired).toBe(false);
    const wait = seen.acquired ? undefined : seen.wait({ timeoutMs: PATIENCE_MS });
    await held.release();
    expect(await wait).toBe('vanished');
    const next = await acquireSoon(waiter, 'k');
    expect(next.token).toBeGreaterThan(held.token);
    await next.release();
    const operator = await Operator.connect(ensemble.connectString);
    await until('every lock to be gone', async () => (await operator.children(locksOf(namespace))).length === 0);
    proxy.close().catch(() => undefined);
  });
});
