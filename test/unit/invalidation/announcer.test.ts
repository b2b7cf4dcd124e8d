import { describe, expect, it } from 'vitest';
import type { CacheEvent } from '../../../lib/core/cache-event.js';
import type { TagChange } from '../../../lib/core/tagging.js';
import { Announcer } from '../../../lib/invalidation/announcer.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';

function setUp() {
  const clock = new ManualClock();
  const events: CacheEvent[] = [];
  const done: string[] = [];
  const store = { down: false, hangs: false };
  const step = (what: string): Promise<void> => {
    if (store.hangs) return new Promise(() => undefined);
    if (store.down) return Promise.reject(new Error('away'));
    done.push(what);
    return Promise.resolve();
  };
  const announcer = new Announcer({
    announce: (changes: readonly TagChange[]) =>
      step(changes.length > 5 ? `${changes.length} tags` : changes.map(({ tag }) => tag).join()),
    clear: () => step('clear'),
    clock,
    timeoutMs: 2_000,
    report: (event) => void events.push(event),
  });
  const announce = (...tags: string[]) => announcer.announce(tags.map((tag) => ({ tag })));
  return { announce, announcer, clock, done, events, store, flow: () => events.map(({ type }) => type) };
}

describe('Announcer', () => {
  it('announces, and says nothing of it', async () => {
    const { announce, done, events } = setUp();
    await announce('a', 'b');
    await announce();
    expect([done, events]).toEqual([['a,b'], []]);
  });

  it('keeps what fails and repeats it, less and less often, until it is done', async () => {
    const { announce, clock, done, flow, store } = setUp();
    store.down = true;
    await announce('a');
    await announce('b');
    await clock.advance(60_000);
    expect(done).toEqual([]);
    store.down = false;
    await clock.advance(5_000);
    expect(done).toEqual(['a,b']);
    await clock.advance(60_000);
    expect(done).toEqual(['a,b']);
    expect(flow()).toEqual(['announcement-failed', 'announcement-failed', 'announcement-made-up']);
    store.down = true;
    await announce('c');
    store.down = false;
    await clock.advance(100);
    expect(done).toEqual(['a,b', 'c']);
  });

  it('waits no longer than it may for a store that hangs', async () => {
    const { announce, clock, flow, store } = setUp();
    store.hangs = true;
    let waited = false;
    const announcement = announce('a').then(() => (waited = true));
    await clock.advance(1_999);
    expect(waited).toBe(false);
    await clock.advance(1);
    await announcement;
    expect(flow()).toEqual(['announcement-failed']);
  });

  it('forgets everything when it would have to remember too much', async () => {
    const { announce, clock, done, store } = setUp();
    store.down = true;
    await announce(...Array.from({ length: 10_001 }, (_, index) => `t${index}`));
    await announce('late');
    store.down = false;
    await clock.advance(1_000);
    expect(done).toEqual(['clear', 'late']);
  });

  it('tries once more when the process ends, and tells what is lost', async () => {
    const first = setUp();
    first.store.down = true;
    await first.announce('a');
    first.store.down = false;
    await first.announcer.close();
    expect(first.done).toEqual(['a']);

    const second = setUp();
    second.store.down = true;
    await second.announce('a', 'b');
    await second.announcer.close();
    expect(second.events.at(-1)).toMatchObject({ type: 'announcement-lost', tags: 2 });
    second.store.down = false;
    await second.clock.advance(60_000);
    expect(second.done).toEqual([]);
  });
});
