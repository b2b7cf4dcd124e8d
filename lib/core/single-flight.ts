import type { CacheEvent } from './cache-event.js';
import type { Flight } from './flight.js';

interface Slot {
  current: Flight | undefined;
  /** Overtaken by a change while it loaded; its callers still wait for it. */
  overtaken: Flight | undefined;
}

/**
 * The loads of this process: per key at most one current flight, and at most one superseded one beside it, so that a key which
 * changes faster than it loads never piles loads up.
 */
export class SingleFlight {
  private readonly slots = new Map<string, Slot>();
  private sequence = 0;

  constructor(private readonly report: (event: CacheEvent) => void) {}

  /** Numbers looks and begins in the order in which they are sent or answered here. */
  readonly nextOrder = (): number => ++this.sequence;

  current(key: string): Flight | undefined {
    return this.slots.get(key)?.current;
  }

  /** Puts a superseded current flight aside. False while another superseded one is still running: then nobody may start a third. */
  setAside(flight: Flight): boolean {
    const slot = this.slots.get(flight.key);
    if (slot?.current !== flight) return true;
    if (slot.overtaken !== undefined) return false;
    slot.overtaken = flight;
    slot.current = undefined;
    return true;
  }

  /** Resolves when one of the key's flights has landed. */
  async oneLanding(key: string): Promise<void> {
    const slot = this.slots.get(key);
    const flights = [slot?.current, slot?.overtaken].filter((flight) => flight !== undefined);
    await Promise.race(flights.map((flight) => flight.landing.catch(() => undefined)));
  }

  add(flight: Flight): void {
    const slot = this.slots.get(flight.key) ?? { current: undefined, overtaken: undefined };
    slot.current = flight;
    this.slots.set(flight.key, slot);
  }

  remove(flight: Flight): void {
    const slot = this.slots.get(flight.key);
    if (slot === undefined) return;
    if (slot.current === flight) slot.current = undefined;
    if (slot.overtaken === flight) slot.overtaken = undefined;
    if (slot.current === undefined && slot.overtaken === undefined) this.slots.delete(flight.key);
  }

  /** Every flight, or those of one key. */
  all(key?: string): Flight[] {
    const slots = key === undefined ? [...this.slots.values()] : [this.slots.get(key)];
    return slots.flatMap((slot) => [slot?.current, slot?.overtaken].filter((flight) => flight !== undefined));
  }

  /** Loads of this process that have begun, of every key or of one, must not be joined or stored any more; those that have not will begin after the change. */
  supersedeLoading(key?: string): void {
    for (const flight of this.all(key)) {
      if (flight.loading) this.supersede(flight);
    }
  }

  supersede(flight: Flight): void {
    if (flight.superseded) return;
    flight.supersede();
    this.report({ type: 'flight-superseded', key: flight.key });
  }
}
