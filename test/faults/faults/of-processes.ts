import { setTimeout as rest } from 'node:timers/promises';
import { zooKeeperCounters } from '../../../servers/index.js';
import { HELD, HELD_LOAD_MS } from '../settings.js';
import type { OpenLoad } from '../open-load.js';
import type { Stage } from '../stage.js';
import { ODD_KINDS } from '../worker/protocol.js';
import type { WorkerProcess } from '../worker-process.js';
import type { Fault } from './fault.js';

let keys = 0;

/** Lets the first worker load a key, and the others wait for it. Resolves when they do. */
async function letOneHold({ fleet }: Stage, load: OpenLoad): Promise<WorkerProcess> {
  const [holder, ...others] = fleet.workers;
  const path = `/${HELD}/key-${++keys}/${HELD_LOAD_MS}`;
  const before = fleet.loads.length;
  void load.send(HELD, path, holder);
  while (!fleet.loads.slice(before).some(({ group }) => group === HELD)) await rest(5);
  for (const worker of others) for (let count = 0; count < 5; count++) void load.send(HELD, path, worker);
  // Long enough for the others to find the lock taken, whatever comes of it.
  await rest(100);
  return holder!;
}

/** The first worker is killed (SIGKILL) in the middle of a load for which the others wait. */
export function holderKilled(): Fault {
  return {
    part: 'process',
    async inflict(stage, load) {
      await (await letOneHold(stage, load)).kill();
    },
  };
}

/** Stopped (SIGSTOP), and continued; the load balancer sends nothing to it meanwhile. */
export function stopped({ holding }: { holding: boolean }): Fault {
  let worker: WorkerProcess | undefined;
  return {
    part: 'process',
    get struck() {
      return worker;
    },
    async inflict(stage, load) {
      worker = holding ? await letOneHold(stage, load) : stage.fleet.workers[0]!;
      worker.out = true;
      worker.struck = true;
      worker.signal('SIGSTOP');
    },
    heal: async () => {
      worker!.signal('SIGCONT');
      worker!.out = false;
      worker!.struck = false;
    },
  };
}

/** The first worker computes, and does nothing else. */
export function blocked(forMs: number): Fault {
  let worker: WorkerProcess | undefined;
  return {
    part: 'process',
    get struck() {
      return worker;
    },
    async inflict({ fleet }) {
      worker = fleet.workers[0]!;
      await worker.tell('block', forMs);
      await rest(forMs);
    },
  };
}

const HOUR_MS = 3_600_000;

/** An hour forward in one process, an hour back in another. */
export function clockStepped(): Fault {
  const step = ({ fleet }: Stage, byMs: number): Promise<unknown> =>
    Promise.all(fleet.workers.slice(0, 2).map((worker, index) => worker.tell('stepClock', index === 0 ? byMs : -byMs)));
  return { part: 'process', inflict: (stage) => step(stage, HOUR_MS), heal: (stage) => step(stage, 0) };
}

const NOTICED_AFTER_MS = 100;

/** As a deployment ends an instance (SIGTERM) in the middle of a load: what it has begun it finishes. */
export function terminated(): Fault {
  let worker: WorkerProcess | undefined;
  let ended = '';
  let outlived = false;
  return {
    part: 'process',
    async inflict(stage, load) {
      const { fleet, servers } = stage;
      worker = await letOneHold(stage, load);
      worker.signal('SIGTERM');
      // A load balancer hears of it a moment later.
      await rest(NOTICED_AFTER_MS);
      worker.out = true;
      ended = await worker.exit();
      const { sessions } = await zooKeeperCounters(servers.zooKeeper.port);
      outlived = sessions > fleet.alive.length;
    },
    complaints: () => [
      ...(ended === 'SIGTERM' ? [] : [`it ended with ${ended} instead of by the signal`]),
      ...(outlived ? ['its session in ZooKeeper has outlived it, and the locks with it'] : []),
      ...(worker?.last?.cutOff === 0 ? [] : [`it cut off ${worker?.last?.cutOff ?? 'an unknown number of'} answers`]),
    ],
  };
}

/** Loads what should not be loaded, in the first worker. */
export function oddLoaded(): Fault {
  const complaints: string[] = [];
  return {
    part: 'input',
    async inflict({ fleet }) {
      for (const kind of ODD_KINDS) {
        const { returned, hit } = await fleet.workers[0]!.tell('loadOdd', kind);
        if (!returned) complaints.push(`${kind}: another value came back`);
        if (hit !== (kind === 'a key of 1 MB')) complaints.push(`${kind}: it was ${hit ? '' : 'not '}stored`);
      }
    },
    complaints: () => complaints,
  };
}
