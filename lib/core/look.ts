import type { CacheEvent } from './cache-event.js';
import type { EntryCodec } from './entry-codec.js';
import type { Seen } from './flight.js';
import type { StoreGate } from './store-gate.js';
import type { KeyState, StoredValue } from './versioned-store.js';

/** A stored value that could be read back. */
export interface Readable {
  readonly value: unknown;
  readonly payload: string;
}

/** Reads states from the store and values out of them. */
export class Look {
  constructor(
    private readonly store: StoreGate,
    private readonly codec: EntryCodec,
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
  hit({ value }: KeyState): { readonly value: unknown; readonly freshForMs: number } | undefined {
    if (value === undefined || value.freshForMs <= 0) return undefined;
    try {
      return { value: this.codec.decode(value.payload), freshForMs: value.freshForMs };
    } catch {
      return undefined;
    }
  }

  /** The fresh value of a state, if there is one that can be read. */
  fresh(key: string, state: KeyState): Promise<Readable | undefined> {
    const { value } = state;
    return value !== undefined && value.freshForMs > 0 ? this.readable(key, value) : Promise.resolve(undefined);
  }

  /** The value of a state that has been stale for less than `withinMs`. */
  stale(key: string, state: KeyState, withinMs: number): Promise<Readable | undefined> {
    const { value } = state;
    const usable = value !== undefined && value.freshForMs <= 0 && value.staleSinceMs < withinMs;
    return usable ? this.readable(key, value) : Promise.resolve(undefined);
  }

  /**
   * Bytes that are not ours, or were cut short, are a miss. They are also removed, since the second look would find them fresh and nobody would
   * ever load.
   */
  async readable(key: string, stored: StoredValue): Promise<Readable | undefined> {
    try {
      return { value: this.codec.decode(stored.payload), payload: stored.payload };
    } catch (error) {
      this.report({ type: 'corrupt-entry', key, error });
      await this.store.invalidate(key, { floorMs: this.floorMs }).catch(() => undefined);
      return undefined;
    }
  }
}
