import { describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../../lib/core/errors.js';
import { InProcessLockProvider } from '../../../lib/locks/in-process-lock-provider.js';
import { Fleet, type Instance } from '../../support/fleet.js';

const TAGGED = { tags: ['t'] };

/** The store refuses this announcement, and is there again. */
async function inVain({ store }: Instance, announcing: () => Promise<unknown>): Promise<void> {
  store.down = true;
  await expect(announcing()).rejects.toBeInstanceOf(StoreUnavailableError);
  store.down = false;
}

describe('what is announced in vain while a load is under way', () => {
  it.each(['register', 'fill'] as const)(
    'a tag that it has, when it comes to "%s": who comes after that loads anew',
    async (step) => {
      const fleet = new Fleet();
      const a = fleet.instance();
      const reply = a.store.stop('after', step);
      const early = a.load(() => 'old', {}, TAGGED);
      await reply.arrived;
      await inVain(a, () => a.cache.announceTags([{ tag: 't' }]));
      const late = a.load(() => 'new', {}, TAGGED);
      await fleet.clock.settle();
      reply.open();
      expect((await early).value).toBe('old');
      expect((await late).value).toBe('new');
      await fleet.clock.advance(500);
      expect(await a.cache.get('k')).not.toBe('old');
    },
  );

  it('a tag that its error depends on: who comes after that does not get the error', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const reply = a.store.stop('after', 'mark');
    const early = a.load(() => Promise.reject(new Error('no row')), {}, TAGGED);
    const refused = expect(early).rejects.toThrow('no row');
    await reply.arrived;
    await inVain(a, () => a.cache.announceTags([{ tag: 't' }]));
    const late = a.load(() => 'row', {}, TAGGED);
    await fleet.clock.settle();
    reply.open();
    await refused;
    expect((await late).value).toBe('row');
  });

  it("a key whose begin is under way, and finds another's value: who comes after that does not get it", async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const b = fleet.instance(new InProcessLockProvider({ clock: fleet.clock }));
    const [begin, reply] = [a.store.stop('before', 'begin'), a.store.stop('after', 'begin')];
    // 1. A begin finds the old value, and its reply is under way.
    const early = a.load(() => 'new');
    await begin.arrived;
    await b.load(() => 'old');
    begin.open();
    await reply.arrived;
    // 2. The row changes; 3. a caller comes, which may not believe the store; 4. the store hears of the change, so the reply looks like any other.
    await inVain(a, () => a.cache.invalidate('k'));
    const late = a.load(() => 'new');
    await fleet.clock.settle();
    await fleet.clock.advance(500);
    reply.open();
    await early;
    expect((await late).value).toBe('new');
  });
});
