import type { Socket } from 'node:net';

/** How what is written gets on; left out: at once. */
export interface Pace {
  readonly delayMs?: number;
  readonly bytesPerSecond?: number;
}

interface Held {
  readonly dueAtMs: number;
  readonly data: Buffer;
}

/** One direction of a connection: passes on what is written in the order in which it came, late or slowly if the pace says so. */
export class SlowLane {
  readonly #held: Held[] = [];
  #timer: NodeJS.Timeout | undefined;
  #freeAtMs = 0;

  constructor(
    private readonly to: Socket,
    private readonly pace: () => Pace,
  ) {
    to.once('close', () => {
      clearTimeout(this.#timer);
    });
  }

  write(data: Buffer): void {
    const { delayMs = 0, bytesPerSecond = Infinity } = this.pace();
    const begin = Math.max(this.#freeAtMs, performance.now());
    this.#freeAtMs = begin + (1_000 * data.length) / bytesPerSecond;
    if (delayMs === 0 && bytesPerSecond === Infinity && this.#held.length === 0) this.to.write(data);
    else {
      this.#held.push({ data, dueAtMs: this.#freeAtMs + delayMs });
      this.#arm();
    }
  }

  #arm(): void {
    const next = this.#held[0];
    if (next === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        const now = performance.now();
        while (this.#held[0] !== undefined && this.#held[0].dueAtMs <= now) this.to.write(this.#held.shift()!.data);
        this.#arm();
      },
      Math.ceil(Math.max(0, next.dueAtMs - performance.now())),
    );
  }
}
