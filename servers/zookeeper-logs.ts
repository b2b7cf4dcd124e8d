import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Bytes with which each log of transactions begins. They are on their way to the disk before the first transaction is. */
const HEADER = 16;

/**
 * ZooKeeper 3.8 does not start any more when it was killed in this instant (ZOOKEEPER-2332):
 * 1. The first transaction since its start comes, and the log for it is created.
 * 2. kill -9.
 * 3. The start reads the logs, and ends at one without a header.
 * Such a log holds nothing, so nothing that was acknowledged goes with it.
 */
export function discardUnbegunLogs(directory: string): void {
  const logs = join(directory, 'data', 'version-2');
  if (!existsSync(logs)) return;
  for (const name of readdirSync(logs)) {
    if (name.startsWith('log.') && statSync(join(logs, name)).size < HEADER) rmSync(join(logs, name));
  }
}
