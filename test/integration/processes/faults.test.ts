import { randomInt } from 'node:crypto';
import { describe, expect } from 'vitest';
import { fleetTest } from '../../support/process/fleet-test.js';
import { SHORT_SESSION_MS } from '../../support/process/instance-process.js';

const it = fleetTest();

// Both wait until a session has expired, and do so at the same time.
describe.concurrent('faults of the process that loads', { timeout: 180_000 }, () => {
  it('killed with -9 in mid-load: exactly one further load, for all who waited', async ({
    fleet: { items, start },
  }) => {
    const [holder, ...others] = await start(3, { sessionTimeoutMs: SHORT_SESSION_MS });
    await items.put('k', 'value', 1);
    const gate = randomInt(2 ** 31);
    const openGate = await items.closeGate(gate);
    // 1. The holder loads; 2. the others wait for it.
    holder!.load('k', { loader: { gate } }).catch(() => undefined);
    await holder!.until('row-read');
    const waiting = others.map((instance) => instance.load('k', { callers: 20, loader: { gate } }));
    await Promise.all(others.map((instance) => instance.until('lock-busy')));
    // 3. It is killed. Its session expires, its lock goes, one of the others takes it.
    await holder!.kill();

    await Promise.race(others.map((instance) => instance.until('row-read')));
    await openGate();
    const answers = (await Promise.all(waiting)).flat();
    expect(answers.every(({ value }) => value?.value === 'value')).toBe(true);
    expect(await items.loads('k')).toBe(2);
  });

  it('stopped past its session, and continued after the row was changed, invalidated and loaded elsewhere: the old row is never seen again', async ({
    fleet: { items, start },
  }) => {
    const [paused, loader, writer] = await start(3, { sessionTimeoutMs: SHORT_SESSION_MS });
    await items.put('k', 'old', 1);
    const gate = randomInt(2 ** 31);
    const openGate = await items.closeGate(gate);
    // 1. One process has read the old row and is stopped before it fills.
    const old = paused!.load('k', { loader: { gate } });
    await paused!.until('row-read');
    paused!.signal('SIGSTOP');
    // 2. The row changes, and the change is announced.
    await items.put('k', 'new', 2);
    await writer!.invalidate('k', 2);
    // 3. Another process loads; it gets the lock when the stopped one's session is over.
    const [fresh] = await loader!.load('k');
    expect(fresh!.value?.value).toBe('new');
    // 4. The stopped process goes on, and fills: too late.
    paused!.signal('SIGCONT');
    await openGate();
    // Its own caller began before the change, and gets what was stored first instead of what was refused.
    expect((await old)[0]!.value?.value).toBe('new');
    await paused!.until('superseded');
    const seen = await Promise.all([paused!, loader!, writer!].map((instance) => instance.load('k', { callers: 5 })));
    expect(new Set(seen.flat().map(({ value }) => value?.value))).toEqual(new Set(['new']));
    expect(await items.loads('k')).toBe(2);
  });
});

describe('a load under way', { timeout: 180_000 }, () => {
  it('a reader that begins, in the loading process, after invalidate() was called by another process, gets the new row', async ({
    fleet: { items, start },
  }) => {
    const [loading, writer] = await start(2);
    await items.put('k', 'old', 1);
    const gate = randomInt(2 ** 31);
    const openGate = await items.closeGate(gate);
    // 1. The load has read the old row.
    const before = loading!.load('k', { loader: { gate } });
    await loading!.until('row-read');
    // 2. The row changes; another process announces it.
    await items.put('k', 'new', 2);
    await writer!.invalidate('k');
    // 3. A reader begins in the loading process, while the old load is still running.
    const [after] = await loading!.load('k');
    expect(after!.value?.value).toBe('new');
    // 4. The old load ends last.
    await openGate();
    expect((await before)[0]!.value?.value).toBe('old');
    expect((await writer!.get('k'))?.value).toBe('new');
    expect((await loading!.get('k'))?.value).toBe('new');
  });
});
