import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, vi } from 'vitest';

export const root = fileURLToPath(new URL('../../..', import.meta.url));

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A built program of the sample, in `cwd` or in the repository, in a process of its own. No server is named to it but those in `variables`. */
export class BuiltProcess {
  readonly #process: ChildProcess;
  readonly exit: Promise<Exit>;
  #ended = false;
  #output = '';
  #errors = '';

  constructor(
    program: string,
    variables: Readonly<Record<string, string>>,
    args: readonly string[] = [],
    cwd: string = root,
  ) {
    const { DATABASE_URL: _database, REDIS_URL: _redis, ZOOKEEPER_CONNECT: _zooKeeper, ...env } = process.env;
    this.#process = spawn(process.execPath, [`dist/sample-app/${program}`, ...args], {
      cwd,
      env: { ...env, ...variables },
    });
    this.#process.stdout?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    this.#process.stderr?.on('data', (chunk: Buffer) => (this.#errors += chunk.toString()));
    this.exit = once(this.#process, 'close').then(([code, signal]) => {
      this.#ended = true;
      return { code, signal };
    });
  }

  get output(): string {
    return this.#output;
  }

  get errors(): string {
    return this.#errors;
  }

  /** Waits until its output has come to this, and gives it. */
  async says(pattern: RegExp): Promise<string> {
    await vi.waitFor(() => expect(this.#ended || pattern.test(this.#output)).toBe(true), { timeout: 90_000 });
    if (!pattern.test(this.#output)) throw new Error(`It ended before:\n${this.#output}\n${this.#errors}`);
    return this.#output;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** For the end of a test that failed half-way. */
  async end(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.exit;
  }
}

/** Makes `dist` what the sources say. */
export async function build(): Promise<void> {
  const child = spawn(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close');
  const output = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await closed;
  if (code !== 0) throw new Error(`The build ended with ${String(code)}:\n${output.join('\n')}`);
}

/** Whether anybody listens there. */
export async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
