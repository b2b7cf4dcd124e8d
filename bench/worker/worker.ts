import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

interface Reply {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: string;
  readonly event?: string;
}

/** A process of ours that answers commands; see {@link serve} for its side. */
export class Worker {
  private readonly pending = new Map<number, (reply: Reply) => void>();
  private readonly listeners = new Set<(event: string) => void>();
  private ids = 0;

  private constructor(private readonly child: ChildProcess) {
    child.on('message', (reply: Reply) => {
      if (reply.id !== undefined) this.pending.get(reply.id)?.(reply);
      else if (reply.event !== undefined) for (const listener of [...this.listeners]) listener(reply.event);
    });
    child.once('exit', (code) => {
      for (const answer of this.pending.values())
        answer({ error: `the process ended with exit code ${code ?? 'none'}` });
    });
  }

  static async start(file: URL, settings: object, execArgv: readonly string[] = []): Promise<Worker> {
    const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const;
    const child = fork(file, [JSON.stringify(settings)], { stdio: [...stdio], execArgv: [...execArgv] });
    const worker = new Worker(child);
    await worker.ask('ready');
    return worker;
  }

  ask<T = void>(command: string, argument: object = {}): Promise<T> {
    const id = ++this.ids;
    return new Promise<T>((resolve, reject) => {
      this.pending.set(id, ({ result, error }) => {
        this.pending.delete(id);
        if (error === undefined) resolve(result as T);
        else reject(new Error(`${command}: ${error}`));
      });
      this.child.send({ id, command, argument });
    });
  }

  /** Resolves with the next event of that name. Ask before what makes the event. */
  event(name: string): Promise<void> {
    return new Promise((resolve) => {
      const listener = (event: string): void => {
        if (event !== name) return;
        this.listeners.delete(listener);
        resolve();
      };
      this.listeners.add(listener);
    });
  }

  /** Asks it to close, and resolves when the process is gone by itself. */
  async close(): Promise<void> {
    const exit = once(this.child, 'exit');
    await this.ask('close');
    this.child.disconnect();
    await exit;
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}
