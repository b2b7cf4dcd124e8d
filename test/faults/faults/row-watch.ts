import { setTimeout as rest } from 'node:timers/promises';
import { monotonicMs } from '../settings.js';
import type { Stage } from '../stage.js';
import type { WorkerProcess } from '../worker-process.js';

interface Read {
  readonly worker: string;
  readonly key: string;
  readonly sentAt: number;
  readonly stamp: number;
}

interface Write {
  readonly worker: string;
  readonly key: string;
  readonly stamp: number;
  /** Infinity: it was not. */
  readonly answeredAt: number;
}

const READ_EVERY_MS = 20;

/** Reads rows of every instance again and again, writes some, and finds who was served what is old. */
export class RowWatch {
  readonly #reads: Read[] = [];
  readonly #writes: Write[] = [];
  #reading: Promise<unknown> = Promise.resolve();
  #isOver = false;

  constructor(
    private readonly stage: Stage,
    private readonly keys: readonly string[],
  ) {}

  start(): void {
    this.#reading = Promise.all(this.stage.fleet.alive.map((worker) => this.#readAll(worker)));
  }

  /** Somebody was served it. */
  saw(key: string, stamp: number): boolean {
    return this.#reads.some((read) => read.key === key && read.stamp === stamp);
  }

  async write(worker: WorkerProcess, key: string, stamp: number, transaction: boolean): Promise<void> {
    const written = await worker.tell('writeRow', { key, stamp, transaction }).then(
      () => true,
      () => false, // it was killed
    );
    this.#writes.push({ worker: worker.name, key, stamp, answeredAt: written ? monotonicMs() : Infinity });
  }

  /** Everybody's last answer was this. */
  isSeenByAll(key: string, stamp: number): boolean {
    return this.stage.fleet.alive.every(
      ({ name }) => this.#reads.findLast((read) => read.worker === name && read.key === key)?.stamp === stamp,
    );
  }

  /** Reads everything once more, and resolves with what is wrong. @param announcedAt from then on nobody may be served what is old */
  async end(announcedAt: number): Promise<string[]> {
    this.#isOver = true;
    await this.#reading;
    for (const worker of this.stage.fleet.alive) for (const key of this.keys) await this.#read(worker, key);
    const late = this.#reads.filter(({ key, sentAt, stamp }) => sentAt > announcedAt && stamp < this.#newest(key));
    const own = this.#reads.filter((read) =>
      this.#writes.some(
        ({ worker, key, stamp, answeredAt }) =>
          worker === read.worker && key === read.key && answeredAt < read.sentAt && stamp > read.stamp,
      ),
    );
    return [
      ...(late.length === 0 ? [] : [`${late.length} reads were served an old row after its announcement`]),
      ...(own.length === 0 ? [] : [`${own.length} reads were served what the same instance had written over`]),
      ...(this.#reads.length === 0 ? ['nobody read a row'] : []),
    ];
  }

  /** What is committed for good: it was answered, or somebody has read it. */
  #newest(key: string): number {
    const written = this.#writes.filter((write) => write.key === key && write.answeredAt < Infinity);
    const read = this.#reads.filter((each) => each.key === key);
    return Math.max(0, ...[...written, ...read].map(({ stamp }) => stamp));
  }

  async #readAll(worker: WorkerProcess): Promise<void> {
    for (let count = 0; !this.#isOver; count++) {
      await this.#read(worker, this.keys[count % this.keys.length]!);
      await rest(READ_EVERY_MS);
    }
  }

  async #read(worker: WorkerProcess, key: string): Promise<void> {
    const sentAt = monotonicMs();
    this.#reads.push({ worker: worker.name, key, sentAt, stamp: await worker.tell('readRow', key) });
  }
}
