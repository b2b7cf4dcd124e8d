import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { compiled } from '../history/compiled.js';
import { withTimeout } from '../history/with-timeout.js';
import type { LoadRecord, WorkerCommands, WorkerReport, WorkerSettings } from './worker/protocol.js';

const FILE = await compiled(new URL('./worker/worker.ts', import.meta.url));
const ANSWERS_WITHIN_MS = 120_000;

interface Message {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: string;
  readonly ready?: number;
  readonly load?: LoadRecord;
  readonly last?: WorkerReport;
}

/** One instance of an application, in a process of its own. */
export class WorkerProcess {
  readonly agent = new Agent({ keepAlive: true });
  /** The load balancer sends it nothing any more. */
  out = false;
  /** It is stopped, or killed: whoever asked it must wait, or ask another. */
  struck = false;
  port = 0;
  /** What one that ends at a signal says at its end. */
  last: WorkerReport | undefined;
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, (message: Message) => void>();
  readonly #ready: Promise<void>;
  #ids = 0;

  constructor(
    readonly settings: WorkerSettings,
    onLoad: (load: LoadRecord) => void,
  ) {
    this.#child = fork(FILE, [JSON.stringify(settings)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#ready = new Promise((resolve, reject) => {
      this.#child.on('message', ({ ready, load, last, ...message }: Message) => {
        if (load !== undefined) onLoad(load);
        if (last !== undefined) this.last = last;
        if (message.id !== undefined) this.#pending.get(message.id)?.(message);
        if (ready === undefined) return;
        this.port = ready;
        resolve();
      });
      this.#child.once('exit', (code, signal) => {
        const error = `${this.name} ended (${String(code ?? signal)})`;
        reject(new Error(error));
        for (const answer of [...this.#pending.values()]) answer({ error });
      });
    });
    this.#ready.catch(() => undefined);
  }

  get name(): string {
    return this.settings.name;
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  ready(): Promise<void> {
    return withTimeout(this.#ready, ANSWERS_WITHIN_MS, `${this.name} was not ready`);
  }

  /** Has it done, and resolves with what came of it. */
  tell<C extends keyof WorkerCommands>(
    command: C,
    ...[argument]: Parameters<WorkerCommands[C]>
  ): Promise<Awaited<ReturnType<WorkerCommands[C]>>> {
    const id = ++this.#ids;
    const answer = new Promise<Awaited<ReturnType<WorkerCommands[C]>>>((resolve, reject) => {
      if (this.ended) throw new Error(`${this.name} has ended`);
      this.#pending.set(id, ({ result, error }) => {
        this.#pending.delete(id);
        if (error === undefined) resolve(result as Awaited<ReturnType<WorkerCommands[C]>>);
        else reject(new Error(error));
      });
      this.#child.send({ id, command, argument });
    });
    return withTimeout(answer, ANSWERS_WITHIN_MS, `${this.name} did not answer "${command}"`);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves when the process has ended by itself, with its exit code or signal. */
  async exit(): Promise<string> {
    const { exitCode, signalCode } = this.#child;
    if (this.ended) return String(exitCode ?? signalCode);
    const ended = once(this.#child, 'exit').then(([code, signal]) => String(code ?? signal));
    return withTimeout(ended, ANSWERS_WITHIN_MS, `${this.name} did not end by itself`);
  }

  async kill(): Promise<void> {
    this.out = true;
    this.struck = true;
    this.agent.destroy();
    if (this.ended) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}
