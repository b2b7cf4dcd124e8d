import { randomInt } from 'node:crypto';
import { describe, expect } from 'vitest';
import { extent } from '../../support/extent.js';
import { fleetTest } from '../../support/process/fleet-test.js';
import {
  DEGRADED,
  SHORT_SESSION_MS,
  type InstanceProcess,
  type LoadAnswer,
} from '../../support/process/instance-process.js';

const it = fleetTest();

const CALLERS = 50;
/** Eight contend most, and one has nobody to contend with; what lies between takes the same ways. */
const COUNTS = extent([8, 1], [8, 4, 2, 1]);
const ROUNDS = extent(5, 20);
const PROCESSES = 8;

/** Each of its callers has looked and found nothing, and it loads or waits for the lock. */
async function contends(instance: InstanceProcess): Promise<void> {
  await instance.until('miss', CALLERS);
  await Promise.race([instance.until('row-read'), instance.until('lock-busy')]);
}

// A slow load takes its time, and the rounds theirs: at the same time.
describe.concurrent('one cold key, several processes, 50 callers in each', { timeout: 180_000 }, () => {
  it('exactly one load a round, however many processes', async ({ fleet: { items, start } }) => {
    const all = await start(PROCESSES);
    for (const count of COUNTS) {
      const fleet = all.slice(0, count);
      for (let round = 0; round < ROUNDS; round++) {
        const key = `round-${round} of ${count}`;
        await items.put(key, 'value', 1);
        for (const instance of fleet) instance.forget();
        // The barrier: no load ends before every caller of every process has missed, however slow the machine is.
        const gate = randomInt(2 ** 31);
        const openGate = await items.closeGate(gate);
        const answers = fleet.map((instance) => instance.load(key, { callers: CALLERS, loader: { gate } }));
        await Promise.all(fleet.map(contends));
        await openGate();
        const answered: LoadAnswer[] = (await Promise.all(answers)).flat();
        expect(answered).toHaveLength(count * CALLERS);
        expect(answered.every(({ value }) => value?.value === 'value')).toBe(true);
        const heard = await Promise.all(fleet.map((instance) => instance.events()));
        expect(heard.flat().filter(({ type }) => DEGRADED.includes(type))).toEqual([]);
        expect(await items.loads(key)).toBe(1);
        for (const events of heard) {
          const types = events.map(({ type }) => type);
          expect(types.filter((type) => type === 'miss')).toHaveLength(CALLERS);
          const waitedOrLoaded = ['lock-waited', 'filled-by-another', 'load-finished'];
          expect(types.filter((type) => waitedOrLoaded.includes(type))).toHaveLength(1);
        }
      }
    }
  });

  it('a loader of 15 s keeps a lock whose session lives 10 s', async ({ fleet: { items, start } }) => {
    // Long enough for a session without a heartbeat to be over, and for the server to have noticed.
    const fleet = await start(2, { sessionTimeoutMs: SHORT_SESSION_MS });
    await items.put('slow', 'value', 1);
    const answers = fleet.map((instance) => instance.load('slow', { callers: CALLERS, loader: { queryMs: 15_000 } }));
    const all = (await Promise.all(answers)).flat();
    expect(all.every(({ value }) => value?.value === 'value')).toBe(true);
    const heard = await Promise.all(fleet.map((instance) => instance.events()));
    expect(heard.flat().filter(({ type }) => DEGRADED.includes(type))).toEqual([]);
    expect(await items.loads('slow')).toBe(1);
  });
});

describe('one cold key, several processes, whose waiters give up', () => {
  it('before a slow load ends: one load per process at most, the first to finish is stored, nobody loads again', async ({
    fleet: { items, start },
  }) => {
    const fleet = await start(PROCESSES);
    await items.put('slow', 'value', 1);
    const gate = randomInt(2 ** 31);
    const openGate = await items.closeGate(gate);
    const answers = fleet.map((instance) =>
      instance.load('slow', { callers: CALLERS, loader: { gate }, policy: { waitMs: 2_000 } }),
    );
    // Every process ends up loading: one by the lock, seven because their waiters lost patience.
    await Promise.all(fleet.map((instance) => instance.until('row-read')));
    expect(await items.loads('slow')).toBe(PROCESSES);
    await openGate();
    const all = (await Promise.all(answers)).flat();
    expect(all.every(({ value }) => value?.value === 'value')).toBe(true);
    const again = (await Promise.all(fleet.map((instance) => instance.load('slow', { callers: CALLERS })))).flat();
    expect(again.every(({ outcome }) => outcome === 'HIT')).toBe(true);
    expect(await items.loads('slow')).toBe(PROCESSES);
    const stored = (await Promise.all(fleet.map((instance) => instance.events()))).flat();
    expect(stored.filter(({ type }) => type === 'stored')).toHaveLength(1);
  });
});
