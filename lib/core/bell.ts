import type { Clock } from './clock.js';
import type { LateSignal } from './late-signal.js';
import type { KeyListener } from './versioned-store.js';

/** Hears whether something may have happened to a key. A ring that nobody waits for is kept for the next who does. */
export class Bell {
  private hasRung = false;
  private onRing = (): void => undefined;
  private readonly listener: KeyListener;

  constructor(listen: (ring: () => void) => KeyListener) {
    this.listener = listen(() => {
      this.hasRung = true;
      this.onRing();
    });
  }

  get live(): boolean {
    return this.listener.live;
  }

  /** True once it has rung; false when `withinMs` is over or `ends` fires first. */
  rung(clock: Clock, withinMs: number, ends: LateSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const undo: (() => void)[] = [];
      const settle = (): void => {
        for (const step of undo.splice(0)) step();
        this.onRing = () => undefined;
        resolve(this.hasRung);
        this.hasRung = false;
      };
      if (this.hasRung || ends.aborted) {
        settle();
        return;
      }
      this.onRing = settle;
      undo.push(clock.after(withinMs, settle), ends.onAbort(settle));
    });
  }

  remove(): void {
    this.listener.stop();
  }
}
