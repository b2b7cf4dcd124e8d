import type { TagOutcome, TagRegistration } from './versioned-store.js';

/** What is known of one tag, for stores that keep it in memory. Times are milliseconds of the store's clock. */
export class TagState {
  /**
   * @param keys until when each registered key is told
   * @param announced when it was announced last, and until when that is remembered
   */
  constructor(
    readonly keys = new Map<string, number>(),
    public announced?: { readonly at: number; readonly until: number },
  ) {}

  /**
   * The step `register`. What it defends against:
   *   1. a load begins and reads a row; 2. the row changes, and its tag is announced: nobody is registered; 3. the load registers, finds the
   *   announcement, and does not fill.
   * The other way round, 2. the load registers; 3. the tag is announced, which tells the key, and invalidating the key takes away the lease under which the load would fill.
   */
  register(now: number, { key, begunAt, forMs, maxKeys, memoryMs }: TagRegistration): TagOutcome {
    const announced = this.announced !== undefined && now < this.announced.until ? this.announced : undefined;
    // What was read at an unknown time may have been read before any announcement that is remembered.
    const begun = begunAt === undefined ? (announced?.at ?? now) : Number(begunAt);
    if (!(begun > now - memoryMs) || (announced !== undefined && announced.at >= begun)) {
      return { registered: false, reason: 'announced' };
    }
    const known = this.keys.get(key);
    if (known === undefined && this.keys.size >= maxKeys && this.dropEnded(now) >= maxKeys) {
      return { registered: false, reason: 'full' };
    }
    this.keys.set(key, Math.max(known ?? -Infinity, now + forMs));
    return { registered: true, ...(announced !== undefined && { announcedBeforeMs: begun - announced.at }) };
  }

  /** The step `announce`. */
  announce(now: number, memoryMs: number): string[] {
    this.announced = { at: now, until: Math.max(this.announced?.until ?? -Infinity, now + memoryMs) };
    this.dropEnded(now);
    return [...this.keys.keys()];
  }

  /** When the last thing in it ends: nothing is known of the tag from then on. */
  endsAt(): number {
    return Math.max(this.announced?.until ?? -Infinity, ...this.keys.values());
  }

  /** How many keys are left. */
  private dropEnded(now: number): number {
    for (const [key, until] of this.keys) if (until <= now) this.keys.delete(key);
    return this.keys.size;
  }
}
