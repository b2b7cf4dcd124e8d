import type { CacheEvent } from './cache-event.js';
import type { Clock } from './clock.js';
import { LoadLimitError } from './errors.js';
import type { Flight } from './flight.js';
import type { LateSignal } from './late-signal.js';
import type { LoadPolicy } from './load-policy.js';
import { Slot } from './slot.js';

export interface LoadLimits {
  /** Loads that may run at once in this process. `Infinity`: any number. */
  readonly maxConcurrentLoads: number;
  /** Loads that may wait for their turn. */
  readonly maxQueuedLoads: number;
}

interface Waiting {
  readonly flight: Flight;
  readonly go: () => void;
}

/**
 * How many loaders run at once in this process.
 *
 * A flight takes its slot before it asks for the lock, and leaves it while it waits for the load of another process: nobody in the fleet waits for a process that holds a lock and has no slot, and no slot is held by who only waits.
 * What a loader loads rides in that loader's slot, be it a flight of its own or one that it joins, and the slot is theirs until the last of them has landed:
 *   1. the only slot is taken by the loader of a; 2. it asks for b, and whoever loads b waits for a slot; 3. neither would ever end.
 */
export class LoadLimit {
  private running = 0;
  private readonly queue = new Set<Waiting>();

  constructor(
    private readonly limits: LoadLimits,
    private readonly clock: Clock,
    private readonly stop: LateSignal,
    private readonly report: (event: CacheEvent) => void,
  ) {}

  /** Whether the flight may load: it has a slot, needs none, or has just got one. */
  tryTake(flight: Flight): boolean {
    if (this.limits.maxConcurrentLoads === Infinity || flight.ride()) return true;
    if (this.running >= this.limits.maxConcurrentLoads) return false;
    this.running++;
    this.give(flight);
    return true;
  }

  /**
   * Waits for a slot, or not, as the policy says. False: the flight is a refresh, which does not wait, or nobody waits for it any more.
   *
   * @throws LoadLimitError, CacheClosedError
   */
  async admit(flight: Flight, { onLoadLimit }: LoadPolicy): Promise<boolean> {
    if (this.tryTake(flight)) return true;
    if (flight.background) {
      this.shed(flight, 'limit');
      return false;
    }
    if (onLoadLimit === 'shed') throw this.shed(flight, 'limit');
    if (this.queue.size >= this.limits.maxQueuedLoads) throw this.shed(flight, 'queue-full');
    if (flight.impatience.aborted && !flight.abandoned) throw this.shed(flight, 'wait-timeout');
    await this.turn(flight);
    this.stop.throwIfAborted();
    return !flight.abandoned;
  }

  /** The error of a load that this process does not take on. */
  shed({ background, key }: Flight, because: 'limit' | 'queue-full' | 'wait-timeout'): LoadLimitError {
    const { maxConcurrentLoads, maxQueuedLoads } = this.limits;
    this.report({ type: 'load-shed', key, because, background });
    const queued =
      because === 'queue-full' ? ` and maxQueuedLoads = ${String(maxQueuedLoads)} wait for their turn` : '';
    const late = because === 'wait-timeout' ? ', and none of them ended within waitMs' : '';
    return new LoadLimitError(
      `"${key}" was not loaded: maxConcurrentLoads = ${String(maxConcurrentLoads)} loads are under way${queued}${late}`,
    );
  }

  private async turn(flight: Flight): Promise<void> {
    const { key } = flight;
    const since = this.clock.elapsedMs();
    const undo: (() => void)[] = [];
    this.report({ type: 'load-queued', key, ahead: this.queue.size });
    await new Promise<void>((resolve) => {
      // Out of the queue at once: one slot is enough for whoever is carried and has its turn in the same instant.
      const go = (): void => {
        this.queue.delete(waiting);
        resolve();
      };
      const waiting = { flight, go };
      this.queue.add(waiting);
      undo.push(flight.waitForSlot(go), flight.impatience.onAbort(go), this.stop.onAbort(go));
    });
    for (const step of undo) step();
    if (flight.hasSlot) this.report({ type: 'load-turn', key, waitedMs: this.clock.elapsedMs() - since });
  }

  private give(flight: Flight): void {
    const slot = new Slot(() => {
      this.running--;
      this.next();
    });
    flight.takeSlot(slot);
  }

  private next(): void {
    const [first] = this.queue;
    if (first === undefined) return;
    this.queue.delete(first);
    this.running++;
    this.give(first.flight);
    first.go();
  }
}
