import { describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../../lib/core/errors.js';
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
});
