import type { CacheEvent } from './cache-event.js';
import type { Clock } from './clock.js';
import type { EntryCodec } from './entry-codec.js';
import { OtherShapeError } from './errors.js';
import type { Seen } from './flight.js';
import type { StoreGate } from './store-gate.js';
import type { KeyState, StoredValue } from './versioned-store.js';

/** A stored value that could be read back. */
export interface Readable {
  readonly value: unknown;
  readonly payload: string;
}

/** A value that was found fresh, and for how long it still is. */
export interface FreshHit {
  readonly value: unknown;
  readonly freshForMs: number;
}

/**
 * What became of a fresh value. `none`: there is nothing to serve, and a begin brings a lease. `in-the-way`: what is there cannot be read here and stays, so a begin would
 * only find it again: load, and store nothing.
 */
export type Found = Readable | 'none' | 'in-the-way';

/**
 * So long after it has removed a key's entry of another shape, this process lets the next one of that key stand. Instances of two releases would otherwise destroy each other's entries
 * for as long as they run side by side:
 *   1. the old one fills; 2. the new one cannot read that, removes it, loads and fills; 3. the old one cannot read that, removes it, loads and fills; 4. as 2.
 * Nobody would ever have a hit, and each removal would wipe the lease of whoever loads. With this limit an entry that a finished release has left behind is replaced at once, and the
 * two replace each other's at most once a process and minute; in between one of them is served and the other loads, once per process, without storing.
 */
export const REPLACE_AGAIN_MS = 60_000;
/** Keys that are remembered for it; beyond that the oldest is forgotten. */
const MAX_REMEMBERED = 1_000;

/** Reads states from the store and values out of them. */
export class Look {
  /** Keys whose entry of another shape was removed here, and when, the oldest first. */
  private readonly replaced = new Map<string, number>();

  constructor(
    private readonly store: StoreGate,
    private readonly codec: EntryCodec,
    private readonly clock: Clock,
    private readonly floorMs: number,
    private readonly nextOrder: () => number,
    private readonly report: (event: CacheEvent) => void,
  ) {}

  /** One look at the store. Never rejects: a store that does not answer is something that is seen. */
  at(key: string): Promise<Seen> {
    const order = this.nextOrder();
    return this.store.read(key).then(
      (state): Seen => ({ up: true, order, state }),
      (error: unknown): Seen => ({ up: false, order, error }),
    );
  }

  /** The fresh value of a state, at once. Undefined also when it can't be read: {@link fresh} then says why and removes it. */
  hit({ value }: KeyState): FreshHit | undefined {
    if (value === undefined || value.freshForMs <= 0) return undefined;
    try {
      return { value: this.codec.decode(value.payload), freshForMs: value.freshForMs };
    } catch {
      return undefined;
    }
  }

  /** The fresh value of a state. */
  fresh(key: string, state: KeyState): Promise<Found> {
    const { value } = state;
    return value !== undefined && value.freshForMs > 0 ? this.readable(key, value) : Promise.resolve('none');
  }

  /** The value of a state that has been stale for less than `withinMs`, if it can be read. */
  stale(key: string, state: KeyState, withinMs: number): Readable | undefined {
    const { value } = state;
    const usable = value !== undefined && value.freshForMs <= 0 && value.staleSinceMs < withinMs;
    return usable ? this.peek(key, value) : undefined;
  }

  /** A value, if it can be read. One that cannot is left where it is: for those who do not load, or whose begin does not find it. */
  peek(key: string, stored: StoredValue): Readable | undefined {
    const read = this.decode(stored);
    if ('value' in read) return read;
    this.report(unreadable(key, read.error, true));
    return undefined;
  }

  /**
   * Bytes that are not ours, were cut short or were written by another release are a miss. They are also removed, since the second look would find them fresh and nobody would
   * ever load; where that fails, or happened a moment ago, they are in the way.
   */
  async readable(key: string, stored: StoredValue): Promise<Found> {
    const read = this.decode(stored);
    if ('value' in read) return read;
    const stays = read.error instanceof OtherShapeError && !this.mayReplace(key);
    this.report(unreadable(key, read.error, stays));
    if (stays) return 'in-the-way';
    return this.store.invalidate(key, { floorMs: this.floorMs }).then(
      () => 'none' as const,
      () => 'in-the-way' as const,
    );
  }

  private decode(stored: StoredValue): Readable | { readonly error: unknown } {
    try {
      return { value: this.codec.decode(stored.payload), payload: stored.payload };
    } catch (error) {
      return { error };
    }
  }

  private mayReplace(key: string): boolean {
    const now = this.clock.elapsedMs();
    const last = this.replaced.get(key);
    if (last !== undefined && now - last < REPLACE_AGAIN_MS) return false;
    this.replaced.delete(key);
    this.replaced.set(key, now);
    for (const [oldest, at] of this.replaced) {
      if (this.replaced.size <= MAX_REMEMBERED && now - at < REPLACE_AGAIN_MS) break;
      this.replaced.delete(oldest);
    }
    return true;
  }
}

function unreadable(key: string, error: unknown, stays: boolean): CacheEvent {
  return error instanceof OtherShapeError
    ? { type: 'other-shape', key, error, stays }
    : { type: 'corrupt-entry', key, error };
}
