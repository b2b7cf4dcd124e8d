import { expect } from 'vitest';
import type { LoadPolicy } from '../../lib/core/load-policy.js';
import type { Answer } from '../../lib/core/load-request.js';
import { LockLostError } from '../../lib/core/errors.js';
import { LockProvider, type HeldLock } from '../../lib/core/lock-provider.js';
import type { Version } from '../../lib/core/version.js';
import type { Instance } from '../support/fleet.js';
import { Gate } from '../support/gate.js';

/** Where a race is staged: instances of the core over one store and one lock service. */
export interface Stage {
  instance(locks?: LockProvider): Instance;
  /** Loses the state of the key, as a server short of memory does. */
  evict(): Promise<void>;
}

export interface Interleaving {
  readonly name: string;
  run(stage: Stage): Promise<void>;
}

const row = (order: number): Version => ({ kind: 'version', order: BigInt(order) });
const stamp = (order: number): Version => ({ kind: 'updated-at', order: BigInt(order) });

/** A load that has read its row and does not go on before its gate is opened. */
interface StoppedLoad {
  readonly answer: Promise<Answer<string>>;
  readonly open: () => void;
}

async function stoppedLoad(
  at: Instance,
  value: string,
  version?: Version,
  policy: Partial<LoadPolicy> = {},
): Promise<StoppedLoad> {
  const gate = new Gate();
  const loader = async (): Promise<string> => {
    await gate.pass();
    return value;
  };
  const answer = at.load(loader, policy, version && { version });
  await gate.arrived;
  return { answer, open: gate.open };
}

const load = async (at: Instance, value: string, version?: Version): Promise<string> =>
  (await at.load(() => value, {}, version && { version })).value;

const refusals = ({ events }: Instance): string[] =>
  events.filter((event) => event.type === 'superseded').map(({ reason }) => reason);

const stored = ({ cache }: Instance): Promise<unknown> => cache.get('k');

/** A lock service of its own, whose locks are lost when the test says so. */
class LosableLocks extends LockProvider {
  readonly name = 'losable';
  readonly state = 'connected';
  private readonly losing = new AbortController();
  lose(): void {
    this.losing.abort(new LockLostError('the session has expired'));
  }
  tryAcquire(): Promise<HeldLock> {
    return Promise.resolve({ acquired: true, token: 1n, signal: this.losing.signal, release: () => Promise.resolve() });
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** The races that every store must win, each as its steps. Rows are called by their age: `old`, `new`, `newest`. */
export const interleavings: readonly Interleaving[] = [
  {
    name: 'a load that read before the change fills after it',
    run: async ({ instance }) => {
      const [loader, writer, reader] = [instance(), instance(), instance()];
      // 1. A load begins and reads the old row.
      const old = await stoppedLoad(loader, 'old');
      // 2. The row changes; the change is announced, without a version: the lease alone decides.
      await writer.cache.invalidate('k');
      // 3. The load fills.
      old.open();
      expect((await old.answer).value).toBe('old');
      expect(refusals(loader)).toEqual(['invalidated']);
      // 4. Nobody gets it: not by a look, and not by a read, in that process or another.
      expect(await stored(reader)).toBeUndefined();
      expect(await load(loader, 'new')).toBe('new');
      expect(await load(reader, 'newer than can be')).toBe('new');
    },
  },
  {
    name: 'two loads of one generation, the older finishing last',
    run: async ({ instance }) => {
      const [older, younger] = [instance(), instance()];
      // 1. A load reads the old row, and is slow.
      const old = await stoppedLoad(older, 'old', row(1));
      // 2. The row changes; the change is not announced yet, so the lease lives.
      // 3. A caller elsewhere does not wait, loads under that lease, and fills.
      expect((await younger.load(() => 'new', { waitMs: 0 }, { version: row(2) })).value).toBe('new');
      // 4. The first load fills: too late, and its caller gets what is there.
      old.open();
      expect((await old.answer).value).toBe('new');
      expect(refusals(older)).toEqual(['filled']);
      expect(await stored(older)).toBe('new');
    },
  },
  {
    name: 'two loads of two generations, the older finishing last',
    run: async ({ instance }) => {
      const [older, younger, writer] = [instance(), instance(), instance()];
      // 1. A load reads the old row. 2. The row changes, and the change is announced.
      const old = await stoppedLoad(older, 'old');
      await writer.cache.invalidate('k');
      // 3. Another load begins, under a lease of its own, and reads the new row.
      const young = await stoppedLoad(younger, 'new', undefined, { waitMs: 0 });
      // 4. The older fills while the younger is at work: its lease is not the one that is there.
      old.open();
      expect((await old.answer).value).toBe('old');
      expect(refusals(older)).toEqual(['invalidated']);
      expect(await stored(older)).toBeUndefined();
      // 5. The younger fills.
      young.open();
      expect((await young.answer).value).toBe('new');
      expect(await stored(older)).toBe('new');
    },
  },
  {
    name: 'the lock is lost, and two loaders are alive',
    run: async ({ instance }) => {
      const locks = new LosableLocks();
      const [loser, winner, writer] = [instance(locks), instance(), instance()];
      // 1. A load holds the lock, and reads the old row. 2. Its lock is lost; its loader does not care.
      const old = await stoppedLoad(loser, 'old');
      locks.lose();
      // 3. The row changes, and the change is announced.
      await writer.cache.invalidate('k');
      // 4. Another takes the lock and loads; both loaders are alive. 5. The one without the lock fills first.
      const young = await stoppedLoad(winner, 'new');
      old.open();
      await old.answer;
      expect(loser.flow()).toContain('lock-lost');
      expect(refusals(loser)).toEqual(['invalidated']);
      // 6. The one with the lock fills.
      young.open();
      expect((await young.answer).value).toBe('new');
      expect(await stored(loser)).toBe('new');
    },
  },
  {
    name: 'the lock is lost, and two loaders of one generation are alive: the first to fill is stored',
    run: async ({ instance }) => {
      const locks = new LosableLocks();
      const [loser, winner] = [instance(locks), instance()];
      // 1. A load reads the old row under the lock, which is lost. 2. The row changes; nothing is announced yet.
      const old = await stoppedLoad(loser, 'old', row(1));
      locks.lose();
      // 3. Another takes the lock, finds the lease that is there, and fills.
      expect(await load(winner, 'new', row(2))).toBe('new');
      // 4. The loader without the lock comes too late.
      old.open();
      expect((await old.answer).value).toBe('new');
      expect(await stored(loser)).toBe('new');
    },
  },
  {
    name: 'a loader that was stopped, while another loaded and a third changed the row',
    run: async ({ instance }) => {
      const locks = new LosableLocks();
      const [sleeper, loader, writer] = [instance(locks), instance(), instance()];
      // 1. A load reads the row and is stopped; its lock goes to others. 2. Another loads the same row.
      const old = await stoppedLoad(sleeper, 'old', row(1));
      locks.lose();
      expect(await load(loader, 'old', row(1))).toBe('old');
      // 3. A third changes the row and announces it. 4. The sleeper goes on: its lease is of two generations ago.
      await writer.cache.invalidate('k');
      old.open();
      await old.answer;
      expect(refusals(sleeper)).toEqual(['invalidated']);
      expect(await load(sleeper, 'new', row(2))).toBe('new');
    },
  },
  {
    name: 'notices in reverse order',
    run: async ({ instance }) => {
      const [first, second, reader] = [instance(), instance(), instance()];
      expect(await load(reader, 'old', row(1))).toBe('old');
      // 1. The row changes twice. 2. The later change is announced first, and the newest row is loaded.
      await second.cache.invalidate('k', { version: row(3) });
      expect(await load(reader, 'newest', row(3))).toBe('newest');
      // 3. The notice of the earlier change comes after all: it takes the value away and brings nothing back.
      await first.cache.invalidate('k', { version: row(2) });
      expect(await stored(reader)).toBeUndefined();
      // 4. The floor is still that of the later change: what is older is answered, and not stored.
      expect(await load(reader, 'new', row(2))).toBe('new');
      expect(refusals(reader)).toEqual(['older']);
      expect(await load(first, 'newest', row(3))).toBe('newest');
    },
  },
  {
    name: 'notices in reverse order, as values of writers',
    run: async ({ instance }) => {
      const [first, second, reader] = [instance(), instance(), instance()];
      const lifetime = { ttlMs: 60_000, keepStaleMs: 0 };
      expect(await load(reader, 'old', row(1))).toBe('old');
      // 1. Two writers set what they have written, the later one first. 2. The other's value comes after it.
      expect(await second.cache.set('k', { value: 'newest', version: row(3), lifetime })).toBe('stored');
      expect(await first.cache.set('k', { value: 'new', version: row(2), lifetime })).toBe('invalidated');
      // 3. Nothing is there rather than the older of the two.
      expect(await stored(reader)).toBeUndefined();
      // 4. Nor is the older one set where nothing is known to be older than it.
      expect(await first.cache.set('k', { value: 'new', version: row(2), lifetime })).toBe('invalidated');
      expect(await load(reader, 'newest', row(3))).toBe('newest');
    },
  },
  {
    name: 'two updates in one millisecond',
    run: async ({ instance }) => {
      const [loader, writer, reader] = [instance(), instance(), instance()];
      // 1. The row is updated, and a load reads it. 2. It is updated again within the millisecond: its stamp is the same.
      const first = await stoppedLoad(loader, 'first of the two', stamp(1_700_000_000_000));
      await writer.cache.invalidate('k', { version: stamp(1_700_000_000_000) });
      // 3. The load fills. The stamp says nothing against it; the lease does.
      first.open();
      await first.answer;
      expect(refusals(loader)).toEqual(['invalidated']);
      // 4. And the stamp says nothing against the second of the two.
      expect(await load(reader, 'second of the two', stamp(1_700_000_000_000))).toBe('second of the two');
      expect(await stored(loader)).toBe('second of the two');
    },
  },
  {
    name: 'an older stamp is committed after a newer one: what is older by its stamp is answered and not stored',
    run: async ({ instance }) => {
      const [writer, reader] = [instance(), instance()];
      // 1. A transaction that began later commits first, and is announced and loaded.
      await writer.cache.invalidate('k', { version: stamp(2_000) });
      expect(await load(reader, 'committed first', stamp(2_000))).toBe('committed first');
      // 2. One that began earlier commits, with its older stamp, and is announced: the value goes.
      await writer.cache.invalidate('k', { version: stamp(1_000) });
      expect(await stored(reader)).toBeUndefined();
      // 3. Readers get the row as it is now. It is not stored, and an event says what to do about it.
      expect(await load(reader, 'committed last', stamp(1_000))).toBe('committed last');
      expect(reader.flow()).toContain('version-regressed');
      expect(await stored(reader)).toBeUndefined();
    },
  },
  {
    name: 'a read from a lagging replica',
    run: async ({ instance }) => {
      const [writer, reader] = [instance(), instance()];
      // 1. A change is announced. 2. A load begins after it, and the replica gives it the row of before.
      await writer.cache.invalidate('k', { version: row(2) });
      expect(await load(reader, 'old', row(1))).toBe('old');
      // 3. Its lease is in order, its version is not.
      expect(refusals(reader)).toEqual(['older']);
      expect(await stored(writer)).toBeUndefined();
      expect(await load(writer, 'new', row(2))).toBe('new');
    },
  },
  {
    name: 'the state is evicted between lease and fill',
    run: async ({ instance, evict }) => {
      const [loader, writer, reader] = [instance(), instance(), instance()];
      // 1. A load reads the old row. 2. The row changes, and the change is announced. 3. What tells of it is evicted.
      const old = await stoppedLoad(loader, 'old');
      await writer.cache.invalidate('k');
      await evict();
      // 4. The load fills, and finds nothing that proves that nothing was announced.
      old.open();
      await old.answer;
      expect(refusals(loader)).toEqual(['evicted']);
      expect(await load(reader, 'new')).toBe('new');
    },
  },
  {
    name: 'the state is evicted between lease and fill, and another load has begun since',
    run: async ({ instance, evict }) => {
      const [loader, other, reader] = [instance(), instance(), instance()];
      // 1. A load reads the old row; the state is evicted, and the row changes.
      const old = await stoppedLoad(loader, 'old');
      await evict();
      // 2. Another load begins, under a new lease. 3. The first fills: there is a lease, and it is not its own.
      const young = await stoppedLoad(other, 'new', undefined, { waitMs: 0 });
      old.open();
      await old.answer;
      expect(refusals(loader)).toEqual(['invalidated']);
      // 4. The other fills.
      young.open();
      expect((await young.answer).value).toBe('new');
      expect(await stored(reader)).toBe('new');
    },
  },
  {
    name: 'a floor that was evicted refuses nobody: the lease alone is left',
    run: async ({ instance, evict }) => {
      const [writer, reader] = [instance(), instance()];
      // 1. A change is announced. 2. What tells of it is evicted. 3. A load begins, and reads the old row from a lagging replica.
      await writer.cache.invalidate('k', { version: row(2) });
      await evict();
      expect(await load(reader, 'old', row(1))).toBe('old');
      // 4. It is stored: the promise over replicas ends with the floor.
      expect(await stored(writer)).toBe('old');
    },
  },
];
