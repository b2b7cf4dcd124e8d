/**
 * The right to load: of one flight, and of all that its loader waits for. It is given up when the last of them has left it, for the loader may be the first to go:
 *   1. the loader of a has the only slot, and asks for b, which rides with it; 2. a's time is over, and its flight lands; 3. b loads on, and with a slot given up at step 2 another would load beside it.
 */
export class Slot {
  private riders = 0;

  constructor(private readonly giveUp: () => void) {}

  enter(): void {
    this.riders++;
  }

  leave(): void {
    this.riders--;
    if (this.riders === 0) this.giveUp();
  }
}
