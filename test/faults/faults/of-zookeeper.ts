import { execFile } from 'node:child_process';
import { setTimeout as rest } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { OwnZooKeeper } from '../../../servers/index.js';
import type { Stage } from '../stage.js';
import type { Fault } from './fault.js';

const OPERATOR = fileURLToPath(new URL('./zoo-keeper-operator.mjs', import.meta.url));

/** In a process of its own: a native client's sockets would be inherited by the workers. */
async function operate({ servers }: Stage, operation: string, path: string): Promise<void> {
  await promisify(execFile)(process.execPath, [OPERATOR, servers.zooKeeper.connectString, operation, path]);
}

const locksOf = ({ chroot, fleet }: Stage): string => `${chroot}/nest-cache/${fleet.namespace}/locks`;

/** The node above the locks belongs to somebody else now, or does before there was any. */
export function aclRefused(): Fault {
  return {
    part: 'lock',
    inflict: (stage) => operate(stage, 'refuse', locksOf(stage)),
    heal: (stage) => operate(stage, 'allow', locksOf(stage)),
  };
}

/** All that the workers have made is gone, and what they stand on. */
export function chrootRemoved(): Fault {
  return { part: 'lock', inflict: (stage) => operate(stage, 'remove', stage.chroot) };
}

type Choice = (stage: Stage) => Promise<readonly OwnZooKeeper[]>;

const leader: Choice = async ({ servers }) => [await servers.ensemble!.leader()];
const follower: Choice = async ({ servers }) => (await servers.ensemble!.followers()).slice(0, 1);

/** One of three, whose work the others take over: healed as soon as these two have a leader. */
function oneOfThree(choose: Choice): Fault {
  let dead: readonly OwnZooKeeper[] = [];
  return {
    part: 'lock',
    async inflict(stage) {
      dead = await choose(stage);
      await Promise.all(dead.map((member) => member.kill()));
    },
    async heal({ servers }) {
      const led = async (): Promise<boolean> => (await servers.ensemble!.followers()).length > 0;
      while (!(await led())) await rest(10);
    },
    cleanUp: () => Promise.all(dead.map((member) => member.restart())),
  };
}

export const leaderKilled = (): Fault => oneOfThree(leader);
export const followerKilled = (): Fault => oneOfThree(follower);

/** Two of three. */
export function quorumLost(): Fault {
  let dead: readonly OwnZooKeeper[] = [];
  return {
    part: 'lock',
    async inflict({ servers }) {
      dead = servers.ensemble!.members.slice(0, 2);
      await Promise.all(dead.map((member) => member.kill()));
    },
    heal: () => Promise.all(dead.map((member) => member.restart())),
  };
}
