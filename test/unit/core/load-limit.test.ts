import { describe, expect, it } from 'vitest';
import { CacheClosedError, LoadLimitError, LoadTimeoutError } from '../../../lib/core/errors.js';
import type { LoadPolicy } from '../../../lib/core/load-policy.js';
import { Fleet, type Instance } from '../../support/fleet.js';
import { deferred } from '../../support/gate.js';

const never = (): Promise<never> => new Promise(() => undefined);

/** Loaders that end when the test says so, and how many of them run. */
class Source {
  readonly running: string[] = [];
  private readonly ends = new Map<string, ReturnType<typeof deferred<string>>>();

  readonly load = (instance: Instance, key: string, policy: Partial<LoadPolicy> = {}) =>
    instance.load(() => this.run(key), policy, { key });

  end(key: string): void {
    this.running.splice(this.running.indexOf(key), 1);
    this.ends.get(key)?.resolve(`value of ${key}`);
  }

  private run(key: string): Promise<string> {
    this.running.push(key);
    const end = deferred<string>();
    this.ends.set(key, end);
    return end.promise;
  }
}

function limited(maxConcurrentLoads: number, maxQueuedLoads = 1_000, fleet = new Fleet()) {
  const a = fleet.instance(undefined, undefined, { maxConcurrentLoads, maxQueuedLoads });
  return { fleet, a, b: fleet.instance(), source: new Source() };
}

const events = ({ events: all }: Instance, ...types: string[]) => all.filter(({ type }) => types.includes(type));

describe('loads beyond maxConcurrentLoads', () => {
  it('wait for their turn, in the order in which they came, and hold no lock meanwhile', async () => {
    const { a, fleet, source } = limited(2);
    const answers = ['1', '2', '3', '4'].map((key) => source.load(a, key));
    await fleet.clock.settle();
    expect(source.running).toEqual(['1', '2']);
    expect(events(a, 'lock-acquired').map((event) => 'key' in event && event.key)).toEqual(['1', '2']);
    expect(events(a, 'load-queued')).toEqual([
      { type: 'load-queued', key: '3', ahead: 0 },
      { type: 'load-queued', key: '4', ahead: 1 },
    ]);
    await fleet.clock.advance(70);
    source.end('2');
    await fleet.clock.settle();
    expect(source.running).toEqual(['1', '3']);
    expect(events(a, 'load-turn')).toEqual([{ type: 'load-turn', key: '3', waitedMs: 70 }]);
    for (const key of ['1', '3', '4']) {
      source.end(key);
      await fleet.clock.settle();
    }
    expect(await Promise.all(answers)).toEqual(
      ['1', '2', '3', '4'].map((key) => ({ value: `value of ${key}`, outcome: 'MISS' })),
    );
    expect(source.running).toEqual([]);
  });

  it('get a turn after a load that failed, one that timed out, and one whose store was down', async () => {
    const { a, fleet, source } = limited(1);
    await expect(a.load(() => Promise.reject(new Error('x')), {}, { key: 'failing' })).rejects.toThrow('x');
    const hanging = expect(a.load(never, {}, { key: 'hanging' })).rejects.toBeInstanceOf(LoadTimeoutError);
    await fleet.clock.settle();
    a.store.down = true;
    const blind = source.load(a, 'blind', { waitMs: 60_000 });
    await fleet.clock.settle();
    expect(source.running).toEqual([]);
    await fleet.clock.advance(30_000);
    await hanging;
    expect(source.running).toEqual(['blind']);
    a.store.down = false;
    const last = source.load(a, 'last');
    await fleet.clock.settle();
    expect(source.running).toEqual(['blind']);
    source.end('blind');
    await blind;
    await fleet.clock.settle();
    source.end('last');
    expect((await last).outcome).toBe('MISS');
  });

  it('are found where another instance, which need not wait, has loaded meanwhile', async () => {
    const { a, b, fleet, source } = limited(1);
    const first = source.load(a, 'slow');
    await fleet.clock.settle();
    const queued = a.load(never);
    await fleet.clock.settle();
    expect(await b.load(() => 'v')).toEqual({ value: 'v', outcome: 'MISS' });
    source.end('slow');
    await first;
    expect(await queued).toEqual({ value: 'v', outcome: 'WAITED' });
    expect(events(a, 'load-started')).toHaveLength(1);
  });

  it('hold no slot while they wait for the load of another instance', async () => {
    const { a, b, fleet, source } = limited(1);
    const elsewhere = source.load(b, 'k');
    await fleet.clock.settle();
    // one that sees that somebody loads, and one that finds out by the lock
    const waiting = [a.load(never)];
    const looked = a.store.stop('after', 'read');
    const late = source.load(b, 'other');
    waiting.push(a.load(never, {}, { key: 'other' }));
    await looked.arrived;
    looked.open();
    await fleet.clock.settle();
    const own = source.load(a, 'own');
    await fleet.clock.settle();
    expect(source.running).toEqual(['k', 'other', 'own']);
    for (const key of ['k', 'other', 'own']) source.end(key);
    expect((await Promise.all([elsewhere, late, own, ...waiting])).map(({ value }) => value)).toEqual([
      ...['value of k', 'value of other', 'value of own', 'value of k', 'value of other'],
    ]);
  });

  it('give the lock back when it comes to them and no slot does', async () => {
    const { a, b, fleet, source } = limited(1);
    const dying = fleet.instance();
    // 1. a waits for a load elsewhere, without a slot; 2. its only slot goes to another key; 3. the holder dies and leaves nothing.
    dying.load(never).catch(() => undefined);
    await fleet.clock.settle();
    const waiting = a.load(never, { waitMs: 60_000 });
    await fleet.clock.settle();
    const own = source.load(a, 'own');
    await fleet.clock.settle();
    await dying.cache.close();
    await fleet.clock.advance(100);
    // 4. a has had the lock and has no slot: another instance may load.
    expect(events(a, 'lock-released')).toHaveLength(1);
    expect(events(a, 'load-queued')).toMatchObject([{ key: 'k' }]);
    expect(await b.load(() => 'v')).toEqual({ value: 'v', outcome: 'MISS' });
    source.end('own');
    await own;
    expect((await waiting).value).toBe('v');
  });
});

describe('loads without a turn', () => {
  it('are shed at once where the policy says so: a LoadLimitError, and others may load the key', async () => {
    const { a, b, fleet, source } = limited(1);
    const first = source.load(a, 'slow');
    await fleet.clock.settle();
    const error: unknown = await a.load(never, { onLoadLimit: 'shed' }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(LoadLimitError);
    expect((error as LoadLimitError).message).toContain('maxConcurrentLoads = 1');
    expect(events(a, 'load-shed')).toEqual([{ type: 'load-shed', key: 'k', because: 'limit', background: false }]);
    expect(await b.load(() => 'v')).toEqual({ value: 'v', outcome: 'MISS' });
    source.end('slow');
    await first;
  });

  it('are a stale value instead, within staleIfErrorMs', async () => {
    const { a, fleet, source } = limited(1);
    const policy = { ttlMs: 1_000, staleIfErrorMs: 60_000, waitMs: 500 };
    await a.load(() => 'old', policy);
    await fleet.clock.advance(1_000);
    const first = source.load(a, 'slow');
    await fleet.clock.settle();
    const stale = { value: 'old', outcome: 'STALE' };
    expect(await a.load(never, { ...policy, onLoadLimit: 'shed' })).toEqual(stale);
    const waiting = a.load(never, policy);
    await fleet.clock.advance(500);
    expect(await waiting).toEqual(stale);
    expect(events(a, 'stale-hit')).toEqual([
      { type: 'stale-hit', key: 'k', because: 'load-limit' },
      { type: 'stale-hit', key: 'k', because: 'load-limit' },
    ]);
    source.end('slow');
    await first;
  });

  it('are shed when maxQueuedLoads wait already', async () => {
    const { a, fleet, source } = limited(1, 1);
    const [first, second] = [source.load(a, '1'), source.load(a, '2')];
    await fleet.clock.settle();
    await expect(source.load(a, '3')).rejects.toBeInstanceOf(LoadLimitError);
    expect(events(a, 'load-shed')).toMatchObject([{ key: '3', because: 'queue-full' }]);
    source.end('1');
    await fleet.clock.settle();
    source.end('2');
    expect((await Promise.all([first, second])).map(({ outcome }) => outcome)).toEqual(['MISS', 'MISS']);
  });

  it('are given up by each caller when its own waitMs is over, and leave the queue with the last of them', async () => {
    const { a, fleet, source } = limited(1, 1);
    const first = source.load(a, 'slow');
    await fleet.clock.settle();
    const impatient = a.load(never, { waitMs: 500 });
    const outcome = expect(impatient).rejects.toBeInstanceOf(LoadLimitError);
    await fleet.clock.settle();
    const patient = a.load(never, { waitMs: 1_000 });
    const second = expect(patient).rejects.toBeInstanceOf(LoadLimitError);
    await fleet.clock.advance(500);
    await outcome;
    await expect(source.load(a, 'no room')).rejects.toBeInstanceOf(LoadLimitError);
    await fleet.clock.advance(500);
    await second;
    const next = source.load(a, 'room again');
    await fleet.clock.settle();
    expect(events(a, 'load-shed').map((event) => 'because' in event && event.because)).toEqual([
      ...['wait-timeout', 'queue-full', 'wait-timeout'],
    ]);
    source.end('slow');
    await first;
    await fleet.clock.settle();
    source.end('room again');
    expect((await next).outcome).toBe('MISS');
  });

  it('in the background do not wait: the next stale hit starts them again', async () => {
    const { a, fleet, source } = limited(1);
    const policy = { ttlMs: 1_000, staleWhileRevalidateMs: 60_000 };
    await a.load(() => 'old', policy);
    await fleet.clock.advance(1_000);
    const first = source.load(a, 'slow');
    await fleet.clock.settle();
    expect((await a.load(never, policy)).outcome).toBe('STALE');
    await fleet.clock.settle();
    expect(events(a, 'load-shed')).toEqual([{ type: 'load-shed', key: 'k', because: 'limit', background: true }]);
    source.end('slow');
    await first;
    await a.load(() => 'new', policy);
    await fleet.clock.settle();
    expect(await a.load(never, policy)).toEqual({ value: 'new', outcome: 'HIT' });
  });

  it('end with CacheClosedError when the cache closes', async () => {
    const { a, fleet } = limited(1);
    const ended = [a.load(never), a.load(never, {}, { key: 'queued' })].map((answer) =>
      expect(answer).rejects.toBeInstanceOf(CacheClosedError),
    );
    await fleet.clock.settle();
    await a.cache.close();
    await Promise.all(ended);
  });
});

describe('a load by a loader', () => {
  it('rides in the slot of that loader, however deep', async () => {
    const { a } = limited(1);
    const answer = a.load(async () => {
      const inner = await a.load(
        async () => (await a.load(() => 'innermost', {}, { key: 'innermost' })).value,
        {},
        { key: 'inner' },
      );
      return inner.value;
    });
    expect((await answer).value).toBe('innermost');
    expect(events(a, 'load-queued', 'load-shed')).toEqual([]);
  });

  it('takes along a load that it joins, though that waits for a slot: one of the two would never end', async () => {
    const { a, fleet, source } = limited(1);
    const asked = deferred<undefined>();
    // 1. The loader of k has the only slot; 2. another caller's load of inner waits for one; 3. the loader asks for inner.
    const outer = a.load(async () => {
      await asked.promise;
      return (await a.load(never, {}, { key: 'inner' })).value;
    });
    await fleet.clock.settle();
    const other = source.load(a, 'inner');
    await fleet.clock.settle();
    expect(events(a, 'load-queued')).toMatchObject([{ key: 'inner' }]);
    asked.resolve(undefined);
    await fleet.clock.settle();
    expect(source.running).toEqual(['inner']);
    source.end('inner');
    expect((await Promise.all([outer, other])).map(({ value }) => value)).toEqual(['value of inner', 'value of inner']);
    // The slot that it did not take is nobody's to give back: one load at a time, as before.
    const rest = [source.load(a, '1'), source.load(a, '2')];
    await fleet.clock.settle();
    expect(source.running).toEqual(['1']);
    source.end('1');
    await fleet.clock.settle();
    source.end('2');
    await Promise.all(rest);
  });

  it('takes along a load that it joins before that has come as far as to wait', async () => {
    const { a, b, fleet, source } = limited(1);
    const elsewhere = b.load(never, {}, { key: 'inner' });
    elsewhere.catch(() => undefined);
    await fleet.clock.settle();
    // 1. Another caller's load of inner waits for b; 2. the loader of k, in the only slot, joins it; 3. b dies, and the turn is ours.
    const other = source.load(a, 'inner');
    await fleet.clock.settle();
    const outer = a.load(async () => (await a.load(never, {}, { key: 'inner' })).value);
    await fleet.clock.settle();
    await b.cache.close();
    await fleet.clock.advance(100);
    expect(source.running).toEqual(['inner']);
    source.end('inner');
    expect((await Promise.all([outer, other])).map(({ value }) => value)).toEqual(['value of inner', 'value of inner']);
  });

  describe('whose time is over', () => {
    /** A load whose loader waits for these keys, and has a second to do so. */
    function impatientLoad(a: Instance, source: Source, ...keys: string[]) {
      const loader = () => Promise.all(keys.map((key) => source.load(a, key)));
      return expect(a.load(loader, { loadTimeoutMs: 1_000 }, { key: `of ${keys.join()}` })).rejects.toBeInstanceOf(
        LoadTimeoutError,
      );
    }

    it('leaves its slot to it: no other loads beside it until it has ended', async () => {
      const { a, fleet, source } = limited(1);
      // 1. The loader with the only slot asks for inner; 2. another waits for a slot; 3. the loader's time is over, and inner is still being loaded.
      const outer = impatientLoad(a, source, 'inner');
      await fleet.clock.settle();
      const other = source.load(a, 'other');
      await fleet.clock.advance(1_000);
      await outer;
      expect(source.running).toEqual(['inner']);
      // 4. It ends: the other has its turn, and after that there is one slot as before.
      source.end('inner');
      await fleet.clock.settle();
      expect(source.running).toEqual(['other']);
      const last = source.load(a, 'last');
      await fleet.clock.settle();
      expect(source.running).toEqual(['other']);
      source.end('other');
      await fleet.clock.settle();
      source.end('last');
      expect((await Promise.all([other, last])).map(({ outcome }) => outcome)).toEqual(['MISS', 'MISS']);
    });

    it('leaves it to several, of which the last gives it back', async () => {
      const { a, fleet, source } = limited(1);
      const outer = impatientLoad(a, source, '1', '2');
      await fleet.clock.settle();
      const other = source.load(a, 'other');
      await fleet.clock.advance(1_000);
      await outer;
      source.end('1');
      await fleet.clock.settle();
      expect(source.running).toEqual(['2']);
      source.end('2');
      await fleet.clock.settle();
      expect(source.running).toEqual(['other']);
      source.end('other');
      await other;
    });

    it.each([
      ['begins', false],
      ['joins', true],
    ])(
      'keeps none for one that it %s and that waits for another process: it takes its turn then',
      async (_, isThere) => {
        const { a, b, fleet, source } = limited(1);
        b.load(never, {}, { key: 'inner' }).catch(() => undefined);
        await fleet.clock.settle();
        const before = isThere ? source.load(a, 'inner') : undefined;
        await fleet.clock.settle();
        const outer = impatientLoad(a, source, 'inner');
        await fleet.clock.settle();
        const other = source.load(a, 'other');
        // 1. inner is loaded by b; 2. the time of the loader in a is over: its slot is free; 3. b dies, and leaves inner to a.
        await fleet.clock.advance(1_000);
        await outer;
        expect(source.running).toEqual(['other']);
        const waiting = source.load(a, 'inner');
        await b.cache.close();
        await fleet.clock.advance(100);
        expect(source.running).toEqual(['other']);
        expect(events(a, 'load-queued').at(-1)).toMatchObject({ key: 'inner' });
        source.end('other');
        await other;
        await fleet.clock.settle();
        expect(source.running).toEqual(['inner']);
        source.end('inner');
        expect((await waiting).value).toBe('value of inner');
        await before;
      },
    );

    it('is not missed where another loader waits for it too, and has a slot', async () => {
      const { a, b, fleet, source } = limited(2);
      b.load(never, {}, { key: 'inner' }).catch(() => undefined);
      await fleet.clock.settle();
      // 1. Two loaders, each with a slot, wait for inner, which b loads; 2. the time of the later one is over; 3. its slot goes to another; 4. b dies, and leaves inner to a: behind the other it would wait for ever.
      const patient = a.load(async () => (await source.load(a, 'inner')).value, {}, { key: 'patient' });
      await fleet.clock.settle();
      const outer = impatientLoad(a, source, 'inner');
      await fleet.clock.advance(1_000);
      await outer;
      const other = source.load(a, 'other');
      await fleet.clock.settle();
      expect(source.running).toEqual(['other']);
      await b.cache.close();
      await fleet.clock.advance(100);
      expect(source.running).toEqual(['other', 'inner']);
      source.end('inner');
      expect((await patient).value).toBe('value of inner');
      source.end('other');
      await other;
    });
  });

  it('that is carried in the instant in which its turn comes takes one slot, not two', async () => {
    const { a, fleet, source } = limited(2);
    const asked = deferred<undefined>();
    // 1. Two loaders have the slots; inner waits for one, and another behind it.
    const outer = a.load(async () => {
      await asked.promise;
      return (await a.load(never, {}, { key: 'inner' })).value;
    });
    const second = source.load(a, 'second');
    await fleet.clock.settle();
    const inner = source.load(a, 'inner');
    const behind = source.load(a, 'behind');
    await fleet.clock.settle();
    // 2. A loader asks for inner, and 3. a slot is free, before anybody has heard of either.
    asked.resolve(undefined);
    source.end('second');
    await fleet.clock.settle();
    expect(source.running.sort()).toEqual(['behind', 'inner']);
    for (const key of ['inner', 'behind']) source.end(key);
    await Promise.all([outer, second, inner, behind]);
    // As many as before load at once.
    const rest = ['1', '2', '3'].map((key) => source.load(a, key));
    await fleet.clock.settle();
    expect(source.running).toEqual(['1', '2']);
    source.end('1');
    await fleet.clock.settle();
    for (const key of ['2', '3']) source.end(key);
    await Promise.all(rest);
  });
});
