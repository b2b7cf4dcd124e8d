import { describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../../lib/core/errors.js';
import { Fleet, type Instance } from '../../support/fleet.js';

const never = (): Promise<never> => new Promise(() => undefined);
const rejected = (work: Promise<unknown>) => expect(work).rejects.toBeInstanceOf(StoreUnavailableError);
const told = ({ events }: Instance) => events.filter(({ type }) => type === 'announcements-refused');

/** The moments, of so many milliseconds from now on, at which the store was asked for this step. */
async function attempts({ clock }: Fleet, { store }: Instance, step: string, forMs: number): Promise<number[]> {
  const count = (): number => store.steps.filter((each) => each === step).length;
  const start = clock.elapsedMs();
  const found: number[] = [];
  while (clock.elapsedMs() < start + forMs) {
    const before = count();
    await clock.advance(250);
    for (let n = before; n < count(); n++) found.push(clock.elapsedMs() - start);
  }
  return found;
}

/** An instance whose announcement of a key has been refused for so long that its pause is the longest. */
async function refusedForLong(fleet = new Fleet(), a = fleet.instance()) {
  a.store.refused = 'invalidate';
  await rejected(a.cache.invalidate('k'));
  await fleet.clock.advance(62_000);
  expect(await attempts(fleet, a, 'invalidate', 29_750)).toEqual([]);
  expect(await attempts(fleet, a, 'invalidate', 250)).toEqual([250]);
  return { fleet, a };
}

describe('an announcement that the store refuses', () => {
  it('is tried after pauses that grow to half a minute, and for as long as it takes', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    a.store.refused = 'invalidate';
    await rejected(a.cache.invalidate('k'));
    const seconds = (await attempts(fleet, a, 'invalidate', 130_000)).map((ms) => ms / 1_000);
    expect(seconds).toEqual([0.5, 1, 2, 4, 8, 16, 32, 62, 92, 122]);
    a.store.refused = undefined;
    await fleet.clock.advance(30_000);
    expect(a.events.at(-1)).toMatchObject({ type: 'announcement-made-up', keys: 1 });
    expect(await attempts(fleet, a, 'invalidate', 60_000)).toEqual([]);
  });

  it('is told once, and once more when it happens again after all was announced', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    for (const times of [1, 2]) {
      a.store.refused = 'announce';
      await rejected(a.cache.announceTags([{ tag: 't' }, { tag: 'u' }]));
      await fleet.clock.advance(600_000);
      expect(told(a)).toHaveLength(times);
      a.store.refused = undefined;
      await fleet.clock.advance(30_000);
    }
    expect(told(a)[0]).toMatchObject({ unsent: { keys: 0, tags: 2, everything: false }, error: { refused: true } });
  });

  it('is told as refused only when the store has answered, and is not away', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    a.store.down = true;
    await rejected(a.cache.invalidate('k'));
    expect(await attempts(fleet, a, 'invalidate', 2_000)).toEqual([500, 1_000, 1_500, 2_000]);
    expect(told(a)).toEqual([]);
    a.store.down = false;
    a.store.refused = 'invalidate';
    await fleet.clock.advance(500);
    expect(told(a)).toHaveLength(1);
  });

  it('of a tag: the instance loads everything and stores nothing, until it is taken', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    a.store.refused = 'announce';
    await rejected(a.cache.announceTags([{ tag: 't' }]));
    await fleet.clock.advance(600_000);
    for (const n of [1, 2]) expect(await a.load(() => n)).toEqual({ value: n, outcome: 'MISS' });
    expect(await b.cache.get('k')).toBeUndefined();
    a.store.refused = undefined;
    await fleet.clock.advance(30_000);
    await a.load(() => 3);
    expect(await a.load(never)).toEqual({ value: 3, outcome: 'HIT' });
  });

  it('does not wait longer when another of those that are kept goes through', async () => {
    const { fleet, a } = await refusedForLong();
    a.store.down = true;
    await rejected(a.cache.announceTags([{ tag: 't' }]));
    a.store.down = false;
    // After half a second the tag is announced, and after another what was refused is tried.
    expect(await attempts(fleet, a, 'invalidate', 2_000)).toEqual([1_000, 1_500]);
  });

  it('does not make another wait that is kept after it', async () => {
    const { fleet, a } = await refusedForLong();
    await rejected(a.cache.invalidate('other'));
    expect(await attempts(fleet, a, 'invalidate', 8_000)).toEqual([500, 1_000, 2_000, 4_000, 8_000]);
  });

  it('is new when it changes once more', async () => {
    const { fleet, a } = await refusedForLong();
    await rejected(a.cache.invalidate('k'));
    expect(await attempts(fleet, a, 'invalidate', 1_000)).toEqual([500, 1_000]);
  });

  it('is tried at once when the store has been away and is back', async () => {
    const fleet = new Fleet();
    const { a } = await refusedForLong(fleet, fleet.instanceBehindBreakers(1));
    a.store.down = true;
    await a.cache.get('any'); // opens the breaker
    a.store.down = false;
    a.store.refused = undefined;
    expect(await attempts(fleet, a, 'invalidate', 1_000)).toEqual([500]);
    expect(a.events.at(-1)).toMatchObject({ type: 'announcement-made-up' });
  });

  it('is tried soon when the store takes another of its kind', async () => {
    const { fleet, a } = await refusedForLong();
    await a.cache.announceTags([{ tag: 't' }]);
    expect(await attempts(fleet, a, 'invalidate', 2_000)).toEqual([]);
    a.store.refused = undefined;
    await a.cache.invalidate('other');
    expect(await attempts(fleet, a, 'invalidate', 2_000)).toEqual([500]);
  });

  it('and that alone, waits for its time though the store takes others of its kind again and again', async () => {
    const { fleet, a } = await refusedForLong();
    const others = a.store.refused;
    a.store.refused = undefined;
    await a.cache.invalidate('other'); // the first after a refusal
    a.store.refused = others;
    await fleet.clock.advance(32_000); // so it was tried, and is refused for itself
    a.store.refused = undefined;
    await a.cache.invalidate('other');
    a.store.refused = others;
    expect(await attempts(fleet, a, 'invalidate', 30_000)).toEqual([30_000]);
  });

  it('is tried at the end of the application, whatever its pause', async () => {
    const { a } = await refusedForLong();
    a.store.refused = undefined;
    await a.cache.close();
    expect(a.events.at(-1)).toMatchObject({ type: 'announcement-made-up', keys: 1 });
  });
});
