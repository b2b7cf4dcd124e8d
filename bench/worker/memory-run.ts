// Misses in a process of its own, which is started with --expose-gc.
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
const app = await openApplication(settings() as ApplicationSettings);
let warnings = 0;
process.on('warning', () => warnings++);

async function state(): Promise<MemoryState> {
  if (globalThis.gc === undefined) throw new Error('This process must be started with --expose-gc.');
  // Twice, with a turn of the loop between them: what finalizers let go is collected too.
  for (let collection = 0; collection < 2; collection++) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc();
  }
  return {
    heapBytes: process.memoryUsage().heapUsed,
    handles: process.getActiveResourcesInfo().length,
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
