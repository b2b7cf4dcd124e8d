import { once } from 'node:events';
import { Redis } from 'ioredis';

/** One request as the server saw it. What scripts call inside is not a request. */
export interface SeenCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** The connection it came from, `ip:port`. */
  readonly source: string;
}

/** The server's own account of what it was asked. */
export interface RedisMonitor {
  /** Every request so far, once the server has told all of them. */
  commands(): Promise<SeenCommand[]>;
  close(): void;
}

const MARK = 'mark-';
const PATIENCE_MS = 30_000;
const ATTEMPTS = 20;

/**
 * ioredis 5 fails where the server's first report comes in one packet with its OK: 1. the OK is read; 2. the report is read before the client counts as monitoring, and answers no command of its own. On a
 * server that others use that happens now and then.
 */
async function monitoring(url: string): Promise<Redis> {
  for (let attempt = 1; ; attempt++) {
    const monitor = new Redis(url, { monitor: true });
    try {
      await once(monitor, 'monitoring');
      return monitor;
    } catch (error) {
      monitor.disconnect();
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

/** Watches a server by MONITOR. */
export async function monitorRedis(url: string): Promise<RedisMonitor> {
  const pilot = new Redis(url);
  const monitor = await monitoring(url);
  const seen: SeenCommand[] = [];
  const marks = new Map<string, () => void>();
  monitor.on('monitor', (_time: string, [name = '', ...args]: string[], source: string) => {
    const command = name.toLowerCase();
    if (command === 'echo' && args[0]?.startsWith(MARK)) marks.get(args[0])?.();
    else if (source !== 'lua') seen.push({ command, args, source });
  });
  let count = 0;
  return {
    commands: async () => {
      // MONITOR tells in order: when it tells of the mark, it has told of all that went before
      const mark = `${MARK}${++count}`;
      const told = new Promise<SeenCommand[]>((resolve, reject) => {
        const impatient = setTimeout(() => {
          reject(new Error(`MONITOR has not told everything within ${PATIENCE_MS} ms`));
        }, PATIENCE_MS);
        marks.set(mark, () => {
          clearTimeout(impatient);
          marks.delete(mark);
          resolve([...seen]);
        });
      });
      await pilot.echo(mark);
      return told;
    },
    close: () => {
      monitor.disconnect();
      pilot.disconnect();
    },
  };
}
