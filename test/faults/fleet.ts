import { WorkerProcess } from './worker-process.js';
import type { LoadRecord, WorkerReport, WorkerSettings } from './worker/protocol.js';

/** The instances of a case; who ended is replaced before the next. */
export class Fleet {
  readonly loads: LoadRecord[] = [];
  readonly workers: WorkerProcess[] = [];
  #started = 0;

  constructor(
    private readonly size: number,
    private readonly settings: Omit<WorkerSettings, 'name'>,
  ) {}

  get namespace(): string {
    return this.settings.namespace;
  }

  get alive(): WorkerProcess[] {
    return this.workers.filter((worker) => !worker.ended);
  }

  /** Starts as many as are missing. */
  async fill(): Promise<void> {
    const { alive } = this;
    const missing = Array.from({ length: this.size - alive.length }, () => {
      const name = `worker-${++this.#started}`;
      return new WorkerProcess({ ...this.settings, name }, (load) => this.loads.push(load));
    });
    this.workers.splice(0, this.workers.length, ...alive, ...missing);
    await Promise.all(missing.map((worker) => worker.ready()));
  }

  /** What those that live have counted since they were last asked, by name. */
  async reports(): Promise<Map<string, WorkerReport>> {
    const told = this.alive.map(async (worker) => [worker.name, await worker.tell('report')] as const);
    return new Map(await Promise.all(told));
  }

  /** Closes every application, and lets each process end by itself; resolves with what is not as it should be. */
  async close(): Promise<string[]> {
    const { alive } = this;
    for (const worker of alive) worker.agent.destroy();
    const closed = await Promise.all(alive.map((worker) => worker.tell('close')));
    const ends = await Promise.all(alive.map((worker) => worker.exit()));
    return alive.flatMap(({ name }, index) => {
      const [end = '', listeners = 0] = [ends[index], closed[index]?.listeners];
      return [
        ...(end === '0' ? [] : [`${name} was closed and ended with ${end}`]),
        ...(listeners <= 0 ? [] : [`${name} was closed and left ${listeners} listeners`]),
      ];
    });
  }

  async kill(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.kill()));
  }
}
