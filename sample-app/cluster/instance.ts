import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { guard } from '../../servers/index.js';
import { listens } from '../greeting.js';

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));
const STOP_WITHIN_MS = 10_000;

export type Environment = Readonly<Record<string, string | undefined>>;

/** Takes a line that an instance has written, on either stream. */
export type LineListener = (name: string, line: string) => void;

/** One instance of the sample application, as an operating system process. */
export class Instance {
  /** Its address, once it listens. Never settles when it ends before. */
  readonly url: Promise<string>;
  /** How it ended: `exit code 1`, `signal SIGKILL`. Everything that it has written was heard before. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;

  constructor(
    readonly name: string,
    env: Environment,
    onLine: LineListener,
  ) {
    // Detached: Ctrl-C at the terminal reaches the cluster alone, which then ends its instances before their servers.
    const child = spawn(process.execPath, ['--enable-source-maps', MAIN], {
      env: { ...env, GREETING: 'short' },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.ended = ending(child);
    this.url = new Promise((resolve) => {
      const prefix = listens('');
      const listen = (line: string): void => {
        onLine(name, line);
        if (line.startsWith(prefix)) resolve(line.slice(prefix.length));
      };
      for (const stream of [child.stdout, child.stderr]) eachLine(stream, listen);
    });
    const { pid } = child;
    if (pid === undefined) return;
    guard.add(pid, 'SIGTERM');
    child.once('exit', () => guard.remove(pid));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Ends it in order; by force when it takes longer than 10 seconds. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const impatience = new AbortController();
    const late = delay(STOP_WITHIN_MS, undefined, { signal: impatience.signal }).then(
      () => this.#child.kill('SIGKILL'),
      () => undefined,
    );
    await this.ended;
    impatience.abort();
    await late;
  }
}

function eachLine(stream: Readable, listener: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Infinity }).on('line', listener);
}

async function ending(child: ChildProcess): Promise<string> {
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    return signal === null ? `exit code ${String(code)}` : `signal ${signal}`;
  } catch (error) {
    return `no start: ${error instanceof Error ? error.message : String(error)}`;
  }
}
