import { setMaxListeners } from 'node:events';
import { sleep, type Clock } from '../../core/clock.js';
import { withDeadline } from '../../core/deadline.js';
import { LockUnavailableError } from '../../core/errors.js';
import type { RedisLockCommands } from './redis-lock-commands.js';

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 1_000;

export interface LockReturnsOptions {
  readonly clock: Clock;
  readonly commands: RedisLockCommands;
  readonly commandTimeoutMs: number;
  readonly ttlMs: number;
}

/** Gives locks back, and goes on trying in the background until the server has let them go by itself. Never rejects. */
export class LockReturns {
  readonly #options: LockReturnsOptions;
  readonly #underWay = new Set<Promise<void>>();
  readonly #stopped = new AbortController();

  constructor(options: LockReturnsOptions) {
    this.#options = options;
    // One listener per lock that is being given back, however many these are.
    setMaxListeners(0, this.#stopped.signal);
  }

  /** One try, and the rest in the background. After `expiresAt` the server has let the lock go. */
  giveBack(name: string, owner: string, expiresAt: number): Promise<void> {
    const first = this.#try(name, owner).then((done) => {
      if (!done) this.#keep(this.#retry(name, owner, expiresAt));
    });
    // Whoever closes waits for the first try too: a lock that a load gave back a moment ago must not stay.
    this.#keep(first);
    return first;
  }

  /**
   * Gives back what an attempt that was given up may still get.
   * 1. its request is under way, and nobody knows whether the server has seen it; 2. a release that overtook it would free nothing, and
   * the request would then take the lock for nobody. So the release is sent when the answer, or the news that there will be none, is here.
   */
  giveBackAfter(sent: Promise<unknown>, name: string, owner: string): void {
    const { clock, ttlMs } = this.#options;
    const settled = sent.catch(() => undefined);
    this.#keep(settled.then(() => this.#retry(name, owner, clock.elapsedMs() + ttlMs)));
  }

  /** Ends when nothing is left to be given back, or after `timeoutMs`; then nothing more is tried. */
  async close(timeoutMs: number): Promise<void> {
    const done = Promise.all(this.#underWay).then(() => undefined);
    await withDeadline(this.#options.clock, done, timeoutMs, () => new LockUnavailableError('late')).catch(
      () => undefined,
    );
    this.#stopped.abort();
  }

  #keep(work: Promise<void>): void {
    this.#underWay.add(work);
    void work.finally(() => this.#underWay.delete(work));
  }

  async #retry(name: string, owner: string, expiresAt: number): Promise<void> {
    const { clock } = this.#options;
    for (
      let pauseMs = FIRST_RETRY_MS;
      !this.#stopped.signal.aborted;
      pauseMs = Math.min(2 * pauseMs, LONGEST_RETRY_MS)
    ) {
      if ((await this.#try(name, owner)) || clock.elapsedMs() >= expiresAt) return;
      await sleep(clock, pauseMs, this.#stopped.signal);
    }
  }

  async #try(name: string, owner: string): Promise<boolean> {
    const { clock, commands, commandTimeoutMs } = this.#options;
    try {
      await withDeadline(
        clock,
        commands.release(name, owner),
        commandTimeoutMs,
        () => new LockUnavailableError('late'),
      );
      return true;
    } catch {
      return false;
    }
  }
}
