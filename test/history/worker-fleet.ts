import { setTimeout as rest } from 'node:timers/promises';
import { PLANS } from './plan.js';
import { WorkerProcess, type WorkerCommand, type WorkerSettings } from './worker-process.js';

type Shared = Omit<WorkerSettings, 'worker' | 'sequence' | 'file'>;

/** The workers of a run, each in its place; who is killed is replaced. */
export class WorkerFleet {
  private readonly workers: WorkerProcess[] = [];
  /** Those that have been started, whatever became of them. */
  private readonly all: WorkerProcess[] = [];
  private started = 0;
  private running = false;

  constructor(
    private readonly settings: Shared,
    private readonly fileOf: (worker: string) => string,
  ) {}

  async start(): Promise<void> {
    const { workers } = PLANS[this.settings.plan];
    this.workers.push(...(await Promise.all(Array.from({ length: workers }, () => this.startOne()))));
  }

  async go(): Promise<void> {
    this.running = true;
    await this.tell('go');
  }

  /** Resolves when all have done so. */
  async tell(command: WorkerCommand): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.tell(command)));
  }

  async stopped(place: number, forMs: number): Promise<void> {
    this.workers[place]!.signal('SIGSTOP');
    await rest(forMs);
    this.workers[place]!.signal('SIGCONT');
  }

  async replace(place: number): Promise<void> {
    await this.workers[place]!.kill();
    this.workers[place] = await this.startOne();
    if (this.running) await this.workers[place].tell('go');
  }

  async kill(): Promise<void> {
    await Promise.all(this.all.map((worker) => worker.kill()));
  }

  private async startOne(): Promise<WorkerProcess> {
    const sequence = this.started++;
    const name = `worker-${sequence}`;
    const worker = new WorkerProcess({ ...this.settings, worker: name, sequence, file: this.fileOf(name) });
    this.all.push(worker);
    await worker.ready;
    return worker;
  }
}
