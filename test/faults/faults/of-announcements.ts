import { setTimeout as rest } from 'node:timers/promises';
import { monotonicMs } from '../settings.js';
import type { Stage } from '../stage.js';
import type { WorkerProcess } from '../worker-process.js';
import type { Fault } from './fault.js';
import { RowWatch } from './row-watch.js';

const KEYS = 6;
const WRITE_EVERY_MS = 100;
let rounds = 0;

/** Rows of their own for each run of a case, which every instance has in its cache. */
async function cachedRows({ fleet }: Stage): Promise<string[]> {
  const round = ++rounds;
  const keys = Array.from({ length: KEYS }, (_, index) => `row-${round}-${index}`);
  for (const key of keys) await fleet.workers[0]!.tell('writeRow', { key, stamp: 1, transaction: true });
  for (const worker of fleet.workers) for (const key of keys) await worker.tell('readRow', key);
  return keys;
}

/**
 * Nobody reaches Redis, which keeps what it has, while every instance writes rows. None of them may serve what it has written over; and nobody anything that is old, as soon as all have made up for what they could not announce.
 */
export function writtenWhileAway(): Fault {
  let watch: RowWatch | undefined;
  let writing: Promise<void> | undefined;
  let isBack = false;
  const complaints: string[] = [];

  async function write({ fleet }: Stage, keys: readonly string[]): Promise<void> {
    for (let stamp = 2; !isBack; stamp++) {
      const worker = fleet.workers[stamp % fleet.workers.length]!;
      await watch!.write(worker, keys[stamp % keys.length]!, stamp, false);
      await rest(WRITE_EVERY_MS);
    }
  }

  return {
    part: 'store',
    async inflict(stage) {
      const keys = await cachedRows(stage);
      watch = new RowWatch(stage, keys);
      stage.proxies.redis.refuse();
      watch.start();
      writing = write(stage, keys);
    },
    async heal({ admin, fleet, proxies }) {
      isBack = true;
      await writing;
      const old = await admin.keys(`${fleet.namespace}:cache:*row-${rounds}-*`);
      if (old.length < KEYS) complaints.push(`only ${old.length} of ${KEYS} rows were left in Redis to be served`);
      proxies.redis.heal();
    },
    async cleanUp({ fleet }) {
      const madeUp = await Promise.all(fleet.alive.map((worker) => worker.tell('lastTold', 'announcement-made-up')));
      if (madeUp.some((at) => at === null)) complaints.push('somebody has not made up for what it could not announce');
      complaints.push(...(await watch!.end(Math.max(...madeUp.map((at) => at ?? Infinity)))));
    },
    complaints: () => complaints,
  };
}

/** With the defaults rows are drained that are three seconds old, and each instance looks every two and a half at least. This is twice as long. */
const DRAINED_WITHIN_MS = 12_000;

/** The first worker is killed after its commit, and before anybody hears of it: healed when every other instance serves the row as it is. */
export function killedBeforeAnnouncing(): Fault {
  let watch: RowWatch | undefined;
  let key = '';
  let killedAt = 0;
  const complaints: string[] = [];

  async function committed(by: WorkerProcess): Promise<void> {
    while ((await by.tell('storedRow', key)) !== 2) await rest(5);
  }

  return {
    part: 'process',
    async inflict(stage) {
      [key = ''] = await cachedRows(stage);
      const [writer, other] = stage.fleet.workers;
      watch = new RowWatch(stage, [key]);
      await writer!.tell('mute');
      void watch.write(writer!, key, 2, true);
      await committed(other!);
      await writer!.kill();
      killedAt = monotonicMs();
      watch.start();
    },
    async heal() {
      while (!watch!.isSeenByAll(key, 2) && monotonicMs() < killedAt + DRAINED_WITHIN_MS) await rest(10);
      if (!watch!.isSeenByAll(key, 2)) complaints.push(`nobody had announced it after ${DRAINED_WITHIN_MS} ms`);
    },
    async cleanUp({ fleet }) {
      const drained = await Promise.all(fleet.alive.map((worker) => worker.tell('lastTold', 'outbox-drained')));
      complaints.push(...(await watch!.end(Math.max(...drained.map((at) => at ?? 0)))));
      if (!watch!.saw(key, 1))
        complaints.push('nobody was served the old row before that: there was nothing to announce');
    },
    complaints: () => complaints,
  };
}
