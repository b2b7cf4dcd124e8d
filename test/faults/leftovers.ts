import { setTimeout as rest } from 'node:timers/promises';
import { zooKeeperCounters } from '../../servers/index.js';
import type { Stage } from './stage.js';
import type { WorkerReport } from './worker/protocol.js';

/** Longer than anything lives that is still under way: sessions of those that were killed, idle connections, leases. */
const GONE_WITHIN_MS = 40_000;
const LOOK_EVERY_MS = 200;

/** A look at something that must come to nothing: what is left of it. */
type Look = () => Promise<string | undefined>;

/** Waits until nothing is left of what the cases have begun. Resolves with what still is, after a long time. */
export async function leftovers(stage: Stage): Promise<string[]> {
  const { fleet } = stage;
  for (const worker of fleet.alive) worker.agent.destroy();
  await Promise.all(fleet.alive.map((worker) => worker.tell('quiet')));
  const whileOpen = await unlessGone([() => resources(stage), () => locks(stage)]);
  const whenClosed = await fleet.close();
  const afterwards = await unlessGone([() => connections(stage), () => keys(stage)]);
  return [...whileOpen, ...whenClosed, ...afterwards];
}

async function unlessGone(looks: readonly Look[]): Promise<string[]> {
  const deadline = performance.now() + GONE_WITHIN_MS;
  for (;;) {
    const left = (await Promise.all(looks.map((look) => look()))).filter((what) => what !== undefined);
    if (left.length === 0 || performance.now() > deadline) return left;
    await rest(LOOK_EVERY_MS);
  }
}

/** What an idle instance has: timers of its clients, and the next look at the outbox. */
const IDLE_TIMERS = 2;
const DRAIN_TIMERS = 1;

async function resources({ fleet, kind }: Stage): Promise<string | undefined> {
  // One to Redis, or to each node of a cluster, and one for the messages that wake who waits for another's load.
  const sockets = (kind === 'cluster' ? 7 : 1) + 1;
  const timers = kind === 'rows' ? IDLE_TIMERS + DRAIN_TIMERS : IDLE_TIMERS;
  const much = [...(await fleet.reports())].filter(
    ([, report]) => count(report, 'TCPSocketWrap') > sockets || count(report, 'Timeout') > timers,
  );
  if (much.length === 0) return undefined;
  return much.map(([name, report]) => `${name} is idle and has ${JSON.stringify(report.resources)}`).join('; ');
}

function count(report: WorkerReport, kind: string): number {
  return report.resources[kind] ?? 0;
}

async function locks({ servers }: Stage): Promise<string | undefined> {
  const members = servers.ensemble?.members ?? [servers.zooKeeper];
  const told = await Promise.all(members.map(({ port }) => zooKeeperCounters(port)));
  const ephemerals = Math.max(...told.map((each) => each.ephemerals));
  const watches = told.reduce((sum, each) => sum + each.watches, 0);
  return ephemerals + watches === 0 ? undefined : `${ephemerals} locks and ${watches} watches in ZooKeeper`;
}

async function connections(stage: Stage): Promise<string | undefined> {
  const open = stage.eachProxy().filter(([, proxy]) => proxy.connections > 0);
  const sessions = stage.kind === 'ensemble' ? 0 : (await zooKeeperCounters(stage.servers.zooKeeper.port)).sessions;
  const left = open.map(([name, proxy]) => `${proxy.connections} connections to ${name}`);
  if (sessions > 0) left.push(`${sessions} sessions in ZooKeeper`);
  return left.length === 0 ? undefined : left.join(', ');
}

/** Whatever was written goes by itself. */
async function keys({ admin, fleet }: Stage): Promise<string | undefined> {
  const all = await admin.keys(`${fleet.namespace}:*`);
  const lives = await Promise.all(all.map((key) => admin.pttl(key)));
  const endless = all.filter((_key, index) => lives[index] === -1);
  return endless.length === 0 ? undefined : `keys without an end in Redis: ${endless.slice(0, 5).join(', ')}`;
}
