const Real = globalThis.Date;

/** Puts the wall clock of this process forward, or back: what an operator or a time server does to a machine. Clocks that only measure go on as they did. */
export function stepClock(byMs: number): void {
  class SteppedDate extends Real {
    static override now(): number {
      return Real.now() + byMs;
    }

    constructor(...given: []) {
      super(...(((given as unknown[]).length === 0 ? [Real.now() + byMs] : given) as []));
    }
  }
  globalThis.Date = byMs === 0 ? Real : (SteppedDate as DateConstructor);
}
