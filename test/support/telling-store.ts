import type { Fill, Invalidation, KeyListener, LoadMark, WriterSet } from '../../lib/core/versioned-store.js';
import { InProcessVersionedStore } from '../../lib/stores/in-process-versioned-store.js';

/** A store that tells the end of loads, as one on Redis does; a test can keep its messages back, lose them, or send one itself. */
export class TellingStore extends InProcessVersionedStore {
  /** What becomes of a message; left alone, it arrives at once. */
  deliver: (send: () => void) => void = (send) => {
    send();
  };
  live = true;
  private readonly listeners = new Map<string, Set<() => void>>();

  override listen(key: string, onEnd: () => void): KeyListener {
    const listeners = this.listeners.get(key) ?? new Set();
    this.listeners.set(key, listeners.add(onEnd));
    const isLive = (): boolean => this.live;
    return {
      get live() {
        return isLive();
      },
      stop: () => {
        listeners.delete(onEnd);
        if (listeners.size === 0) this.listeners.delete(key);
      },
    };
  }

  /** How many keys are listened for. */
  get listened(): number {
    return this.listeners.size;
  }

  override fill(key: string, fill: Fill) {
    return this.told(key, super.fill(key, fill));
  }
  override mark(key: string, lease: string, mark: LoadMark, forMs: number) {
    return this.told(key, super.mark(key, lease, mark, forMs));
  }
  override invalidate(key: string, invalidation: Invalidation) {
    return this.told(key, super.invalidate(key, invalidation));
  }
  override set(key: string, set: WriterSet) {
    return this.told(key, super.set(key, set));
  }

  private async told<T>(key: string, step: Promise<T>): Promise<T> {
    const outcome = await step;
    this.deliver(() => {
      for (const onEnd of [...(this.listeners.get(key) ?? [])]) onEnd();
    });
    return outcome;
  }
}
