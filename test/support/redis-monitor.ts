import { Redis } from 'ioredis';
import { vi } from 'vitest';

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

/** Watches a server by MONITOR. */
export async function monitorRedis(url: string): Promise<RedisMonitor> {
  const pilot = new Redis(url);
  const monitor = await pilot.monitor();
  const seen: SeenCommand[] = [];
  monitor.on('monitor', (_time: string, args: string[], source: string) => {
    if (source !== 'lua') seen.push({ command: (args[0] ?? '').toLowerCase(), args: args.slice(1), source });
  });
  let marks = 0;
  return {
    commands: async () => {
      // MONITOR tells in order: when it tells of the mark, it has told of all that went before
      const mark = `mark-${++marks}`;
      await pilot.echo(mark);
      const end = await vi.waitFor(() => {
        const found = seen.findIndex(({ command, args }) => command === 'echo' && args[0] === mark);
        if (found < 0) throw new Error('MONITOR has not told everything yet');
        return found;
      });
      return seen.slice(0, end).filter(({ command, args }) => command !== 'echo' || !args[0]?.startsWith('mark-'));
    },
    close: () => {
      monitor.disconnect();
      pilot.disconnect();
    },
  };
}
