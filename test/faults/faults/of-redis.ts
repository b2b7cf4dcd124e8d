import { setTimeout as rest } from 'node:timers/promises';
import type { OwnRedis } from '../../../servers/index.js';
import { POLICIES } from '../settings.js';
import { REDIS_PASSWORD, type Stage } from '../stage.js';
import type { Fault } from './fault.js';

/** Two commands on the way past the proxy: one that breaks it, one that heals it. */
function commanded(harm: readonly string[][], cure: readonly string[][]): Fault {
  const run = async ({ admin }: Stage, commands: readonly string[][]): Promise<void> => {
    for (const [name = '', ...words] of commands) await admin.call(name, ...words);
  };
  return { part: 'store', inflict: (stage) => run(stage, harm), heal: (stage) => run(stage, cure) };
}

/** Every write is refused: `OOM command not allowed`. */
export const outOfMemory = (): Fault =>
  commanded([['CONFIG', 'SET', 'maxmemory', '1']], [['CONFIG', 'SET', 'maxmemory', '0']]);

/** It answers reads from what it has, and refuses writes: `READONLY`. */
export const readOnlyReplica = (): Fault => commanded([['REPLICAOF', '127.0.0.1', '1']], [['REPLICAOF', 'NO', 'ONE']]);

/** Connections end, and new ones are refused with `WRONGPASS`. */
export const wrongPassword = (): Fault =>
  commanded(
    [
      ['CONFIG', 'SET', 'requirepass', 'another'],
      ['CLIENT', 'KILL', 'TYPE', 'normal'],
    ],
    [['CONFIG', 'SET', 'requirepass', REDIS_PASSWORD]],
  );

/** Again and again. */
export function scriptsFlushed(times: number): Fault {
  return {
    part: 'store',
    async inflict({ admin }) {
      for (let count = 0; count < times; count++) {
        await admin.script('FLUSH');
        await rest(100);
      }
    },
  };
}

/** A master that dies; resolves as healed when its replica serves in its place. */
export function failover(): Fault {
  const SLOT = 0;
  let dead: OwnRedis | undefined;
  return {
    part: 'store',
    async inflict({ servers }) {
      dead = await servers.cluster!.masterOf(SLOT);
      await dead.kill();
    },
    async heal({ servers }) {
      await servers.cluster!.healthy(servers.cluster!.nodes.filter((node) => node !== dead));
    },
    async cleanUp({ servers }) {
      await dead!.restart();
      await servers.cluster!.healthy();
    },
  };
}

/** What may stand where an entry should: another type, fields that are none of ours, an entry of another format, a value that cannot be read. */
const SCRIBBLES: readonly ((admin: Stage['admin'], key: string) => Promise<unknown>)[] = [
  (admin, key) => admin.set(key, 'foreign', 'PX', 60_000),
  (admin, key) => admin.pipeline().del(key).rpush(key, 'a', 'b').pexpire(key, 60_000).exec(),
  (admin, key) => admin.pipeline().del(key).hset(key, { some: 'fields', of: 'another' }).pexpire(key, 60_000).exec(),
  (admin, key) => admin.hset(key, { v: '{"format":0}' }),
  (admin, key) => admin.hset(key, { v: '\u0000\uFFFF not json' }),
];

/** Writes over the entries of every policy, so often. */
export function scribbledOver(times: number): Fault {
  return {
    part: 'input',
    async inflict({ admin, fleet }) {
      const keys = (await admin.keys(`${fleet.namespace}:cache:*`)).filter((key) =>
        Object.keys(POLICIES).some((policy) => key.includes(`:${policy}:`)),
      );
      if (keys.length === 0) throw new Error('There is nothing to write over.');
      for (let count = 0; count < times; count++) {
        await Promise.all(
          keys.map((key, index) => SCRIBBLES[(count + index) % SCRIBBLES.length]!(admin, key).catch(() => undefined)),
        );
        await rest(200);
      }
    },
  };
}
