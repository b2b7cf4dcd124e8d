import { freePort } from './free-port.js';
import { obtainBinaries, type ServerKind } from './server-binaries.js';
import type { OwnServer } from './server-process.js';

/** The installed programs of servers that stand together: there is no compose service for these. */
export function installed<K extends ServerKind>(
  kind: K,
  what: string,
): NonNullable<ReturnType<typeof obtainBinaries<K>>> {
  const binaries = obtainBinaries(kind);
  if (binaries !== undefined) return binaries;
  throw new Error(
    `${what} is needed, and starts only from the installed ${kind} program, which was not found; docker compose has single servers only. ` +
      'Install it (`npm run setup:servers` does so for root on Debian; ZOOKEEPER_HOME may name an unpacked ZooKeeper release).',
  );
}

/** Different free ports. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

/** Starts all of them at once, and none when one of them fails. */
export async function startAll<S extends OwnServer>(starts: readonly (() => Promise<S>)[]): Promise<S[]> {
  const settled = await Promise.allSettled(starts.map((start) => start()));
  const started = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = settled.find((result) => result.status === 'rejected');
  if (failed === undefined) return started;
  await stopAll(started);
  throw failed.reason as Error;
}

export async function stopAll(servers: readonly OwnServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()));
}

/** Waits for a condition, never for a time. `amiss` tells what is not yet as it should be, or nothing when all is. */
export async function waitUntil(
  what: string,
  amiss: () => Promise<string | undefined>,
  withinMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (let found = await amiss(); found !== undefined; found = await amiss()) {
    if (performance.now() > deadline) throw new Error(`Waited ${String(withinMs)} ms in vain for ${what}: ${found}.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
