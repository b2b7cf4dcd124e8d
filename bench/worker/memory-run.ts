// Misses in a process of its own, which is started with --expose-gc.
import { setTimeout as delay } from 'node:timers/promises';
import { openApplication, type ApplicationSettings } from '../application.js';
import { pace } from '../parts/slices.js';
import { serve, settings } from './serve.js';

export interface MemoryState {
  readonly heapBytes: number;
  /** What keeps this process awake, timers included. */
  readonly handles: number;
  readonly processListeners: number;
  /** Warnings so far; a leak of listeners is one. */
  readonly warnings: number;
}

const WIDTH = 64;
const AT_REST_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 50;
/** So many looks in succession that find the same. */
const SAME_LOOKS = 10;
const app = await openApplication(settings() as ApplicationSettings);
let warnings = 0;
process.on('warning', () => warnings++);

/** A release is not waited for, so its reply and its timer come after the last answer. Settles on what does not go away, or at once on what was there before. */
async function handlesAtRest(before: number | undefined): Promise<number> {
  const count = (): number => process.getActiveResourcesInfo().length;
  const until = performance.now() + AT_REST_WITHIN_MS;
  let [handles, same] = [count(), 0];
  while (same < SAME_LOOKS && !(before !== undefined && handles <= before) && performance.now() < until) {
    // The timer of this very wait is over when it is counted.
    await delay(LOOK_EVERY_MS);
    const next = count();
    same = next === handles ? same + 1 : 0;
    handles = next;
  }
  return handles;
}

async function state({ handlesBefore }: { readonly handlesBefore?: number }): Promise<MemoryState> {
  if (globalThis.gc === undefined) throw new Error('This process must be started with --expose-gc.');
  const handles = await handlesAtRest(handlesBefore);
  // Twice, with a turn of the loop between them: what finalizers let go is collected too.
  for (let collection = 0; collection < 2; collection++) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc();
  }
  return {
    heapBytes: process.memoryUsage().heapUsed,
    handles,
    processListeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
    warnings,
  };
}

serve({
  state,
  misses: async ({ from, count }: { from: number; count: number }) => {
    await pace(count, WIDTH, (index) =>
      app.cache.getOrLoad(['memory', from + index], () => ({ id: index, name: 'a row' })),
    );
  },
  close: async () => {
    await app.close();
  },
});
