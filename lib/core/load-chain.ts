import { AsyncLocalStorage } from 'node:async_hooks';
import { ReentrantLoadError } from './errors.js';
import type { Flight } from './flight.js';

/** Which flight's loader the running code belongs to, so that loaders which wait for themselves get an error and not a deadlock. */
export class LoadChain {
  private readonly running = new AsyncLocalStorage<Flight>();
  private loaders = 0;

  /** The innermost flight whose loader is running here, if it has not landed yet. */
  get flight(): Flight | undefined {
    const flight = this.running.getStore();
    return flight?.landed ? undefined : flight;
  }

  /**
   * While any loader runs, every promise of the process carries the chain, which on Node 20 and 22 costs each of them, hits included, a good part of what it costs at all. So when the last loader has
   * ended, and there is no chain to know, that is switched off. What a loader leaves running behind it then belongs to no load any more: nobody waits for it.
   */
  async run<T>(flight: Flight, loader: () => Promise<T>): Promise<T> {
    this.loaders++;
    try {
      return await this.running.run(flight, loader);
    } finally {
      this.loaders--;
      if (this.loaders === 0) this.running.disable();
    }
  }

  /** @throws ReentrantLoadError when a loader in this asynchronous chain is already loading that key */
  refuseReentry(key: string): void {
    for (let flight = this.running.getStore(); flight !== undefined; flight = flight.parent) {
      if (!flight.landed && flight.key === key) {
        throw new ReentrantLoadError(
          `The loader of "${key}" asked the cache for its own key: it would wait for itself. Read the source directly in the loader.`,
        );
      }
    }
  }

  /**
   * Waits for `flight` on behalf of the loader that runs here.
   *
   * Two chains can also wait for each other: 1. A's loader asks for b, and joins the flight of b; 2. b's loader, started by somebody else,
   * asks for a. Neither key is in its own chain, yet nobody will ever land. So a flight knows which flights its loader waits for, and whoever would
   * close a ring is refused.
   */
  async waitFor<T>(flight: Flight, wait: () => Promise<T>): Promise<T> {
    const waiter = this.flight;
    if (waiter === undefined) return wait();
    if (reaches(flight, waiter)) {
      throw new ReentrantLoadError(
        `The loaders of "${waiter.key}" and "${flight.key}" ask the cache for each other's key: they would wait for ever. Read one of the two from the source directly.`,
      );
    }
    waiter.waitsFor.add(flight);
    try {
      return await wait();
    } finally {
      waiter.waitsFor.delete(flight);
    }
  }
}

function reaches(from: Flight, target: Flight, seen = new Set<Flight>()): boolean {
  if (from === target) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  return [...from.waitsFor].some((next) => reaches(next, target, seen));
}
