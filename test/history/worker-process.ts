import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { compiled } from './compiled.js';
import { BOUNDS, type PlanName } from './plan.js';
import { withTimeout } from './with-timeout.js';

const FILE = await compiled(new URL('./worker.ts', import.meta.url));

export interface WorkerSettings {
  readonly worker: string;
  /** Which sequence of operations it follows. */
  readonly sequence: number;
  readonly seed: number;
  readonly plan: PlanName;
  readonly namespace: string;
  readonly redisUrl: string;
  readonly zooKeeperConnect: string;
  readonly postgresUrl: string;
  /** Where it records. */
  readonly file: string;
  /** The mistake its store makes; left out: none. */
  readonly mutant?: string;
}

export type WorkerCommand = 'go' | 'stop' | 'read all' | 'close';

/** A process that reads and writes by a plan and records what it sees. */
export class WorkerProcess {
  readonly ready: Promise<void>;
  readonly name: string;
  private readonly child: ChildProcess;

  constructor(settings: WorkerSettings) {
    this.name = settings.worker;
    this.child = fork(FILE, [JSON.stringify(settings)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.ready = this.hear('ready');
  }

  /** Resolves when it has done so. */
  async tell(command: WorkerCommand): Promise<void> {
    const done = this.hear(command);
    // Who has ended meanwhile is told of by `done`.
    if (this.child.connected) this.child.send(command);
    await done;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }

  private hear(what: string): Promise<void> {
    const heard = new Promise<void>((resolve, reject) => {
      this.child.on('message', (message) => {
        if (message === what) resolve();
      });
      const ended = (code: number | null, signal: string | null): void => {
        if (what === 'close' && code === 0) resolve();
        else reject(new Error(`${this.name} ended (${String(code ?? signal)}) before it was done with "${what}"`));
      };
      const { exitCode, signalCode } = this.child;
      if (exitCode !== null || signalCode !== null) ended(exitCode, signalCode);
      else this.child.once('exit', ended);
    });
    return withTimeout(heard, BOUNDS.endWithinMs, `${this.name} was not done with "${what}"`);
  }
}
