import { describe, expect, it } from 'vitest';
import { RowWatch } from '../../faults/faults/row-watch.js';
import { monotonicMs } from '../../faults/settings.js';
import type { Stage } from '../../faults/stage.js';
import type { WorkerProcess } from '../../faults/worker-process.js';

/** A worker that is served what the test says, and whose writes succeed or not. */
class Told {
  stamp = 1;
  dies = false;
  constructor(readonly name: string) {}
  tell(command: string): Promise<unknown> {
    if (command === 'writeRow') return this.dies ? Promise.reject(new Error('killed')) : Promise.resolve();
    return Promise.resolve(this.stamp);
  }
  get process(): WorkerProcess {
    return this as unknown as WorkerProcess;
  }
}

function setUp() {
  const [a, b] = [new Told('a'), new Told('b')];
  const stage = { fleet: { alive: [a, b] } } as unknown as Stage;
  return { a, b, watch: new RowWatch(stage, ['k']) };
}

describe('what is read of rows', () => {
  it('is as it should be: others may be served what is old until it is announced', async () => {
    const { a, b, watch } = setUp();
    await watch.write(a.process, 'k', 2, false);
    a.stamp = 2;
    expect(await watch.end(Infinity)).toEqual([]);
    b.stamp = 2;
    expect(await watch.end(monotonicMs())).toEqual([]);
    expect([watch.saw('k', 1), watch.saw('k', 3), watch.isSeenByAll('k', 2)]).toEqual([true, false, true]);
  });

  it('is old although it was announced', async () => {
    const { a, watch } = setUp();
    await watch.write(a.process, 'k', 2, false);
    a.stamp = 2;
    expect(await watch.end(0)).toEqual(['1 reads were served an old row after its announcement']);
    expect(watch.isSeenByAll('k', 2)).toBe(false);
  });

  it('is older than what the same instance has written', async () => {
    const { a, b, watch } = setUp();
    await watch.write(a.process, 'k', 2, false);
    b.stamp = 2;
    expect(await watch.end(Infinity)).toEqual(['1 reads were served what the same instance had written over']);
  });

  it('is older than what an instance had committed that was killed, and another has read', async () => {
    const { a, b, watch } = setUp();
    a.dies = true;
    await watch.write(a.process, 'k', 2, true);
    expect(await watch.end(0)).toEqual([]);
    b.stamp = 2;
    expect((await watch.end(0)).length).toBe(1);
  });
});
