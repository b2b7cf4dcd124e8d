import { createClient } from 'redis';

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

/** Watches a server by MONITOR. */
export async function monitorRedis(url: string): Promise<RedisMonitor> {
  const pilot = await connect(url);
  // This client takes reports that come in one packet with the OK of MONITOR. ioredis 5 fails there.
  const monitor = await connect(url);
  const seen: SeenCommand[] = [];
  const marks = new Map<string, () => void>();
  await monitor.monitor((line) => {
    const each = parseReport(line);
    const [first = ''] = each.args;
    if (each.command === 'echo' && first.startsWith(MARK)) marks.get(first)?.();
    else if (each.source !== 'lua') seen.push(each);
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
      const [all] = await Promise.all([told, pilot.echo(mark)]);
      return all;
    },
    close: () => {
      monitor.destroy();
      pilot.destroy();
    },
  };
}

async function connect(url: string) {
  const client = createClient({ url, RESP: 2, socket: { reconnectStrategy: false } });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Reads a report such as `1339518083.107412 [0 127.0.0.1:60866] "get" "k"`. */
function parseReport(line: string): SeenCommand {
  const source = /^\S+ \[\d+ (\S+)\]/.exec(line)?.[1] ?? '';
  const [name = '', ...args] = [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word = '']) => unescaped(word));
  return { command: name.toLowerCase(), args, source };
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b' };

function unescaped(word: string): string {
  return word.replace(/\\(?:x([0-9a-f]{2})|(.))/g, (_, code: string | undefined, letter: string | undefined) =>
    code === undefined ? (ESCAPES[String(letter)] ?? String(letter)) : String.fromCharCode(parseInt(code, 16)),
  );
}
