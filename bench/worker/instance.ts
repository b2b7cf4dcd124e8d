// One instance of an application in a process of its own, with the hand-made mutex beside it.
import { createClient } from 'redis';
import { openApplication, type ApplicationSettings } from '../application.js';
import { HandmadeMutex } from '../yardsticks/handmade-mutex.js';
import { serve, settings, tell } from './serve.js';

/** One burst of callers on one key. Times are milliseconds of the machine's clock. */
export interface Burst {
  readonly by: 'library' | 'mutex';
  readonly key: string;
  readonly callers: number;
  readonly queryMs: number;
  readonly startAtMs: number;
}

export interface BurstAnswer {
  /** From the agreed start to the last caller's answer. */
  readonly slowestMs: number;
  /** How long each load that ran here took. */
  readonly loadsMs: readonly number[];
}

/** What the parent waits for. Nothing is told of each caller: fifty messages at once would be what is measured. */
const TOLD: ReadonlySet<string> = new Set(['lock-busy', 'lock-released', 'load-started']);

const given = settings() as ApplicationSettings;
const app = await openApplication(given, {
  observers: [
    {
      observe: ({ type }) => {
        if (TOLD.has(type)) tell(type);
      },
    },
  ],
});
const { cache } = app;
const client = createClient({ url: given.redisUrl });
client.on('error', () => undefined);
await client.connect();
const mutex = new HandmadeMutex(client);
const gates = new Map<string, () => void>();

function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

async function burst({ by, key, callers, queryMs, startAtMs }: Burst): Promise<BurstAnswer> {
  const loadsMs: number[] = [];
  const load = async (): Promise<object> => {
    const since = performance.now();
    await new Promise((resolve) => setTimeout(resolve, queryMs));
    loadsMs.push(performance.now() - since);
    return { key, text: 'a row of some length '.repeat(20) };
  };
  const call = (): Promise<unknown> =>
    by === 'library' ? cache.getOrLoad(['burst', key], load) : mutex.getOrLoad(`${given.namespace}:mutex:${key}`, load);
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, startAtMs - nowMs())));
  await Promise.all(Array.from({ length: callers }, call));
  return { slowestMs: nowMs() - startAtMs, loadsMs };
}

serve({
  burst,
  /** Loads a key; with a gate the loader waits until it is opened. */
  load: ({ key, gated }: { key: string; gated: boolean }) =>
    cache.getOrLoad(['row', key], async () => {
      if (gated) await new Promise<void>((resolve) => gates.set(key, resolve));
      return { key };
    }),
  open: ({ key }: { key: string }) => {
    gates.get(key)?.();
    gates.delete(key);
  },
  close: async () => {
    await app.close();
    await client.close();
  },
});
