import type { CacheEvent } from './cache-event.js';
import type { Flight, Landing } from './flight.js';
import type { Look } from './look.js';
import type { SharedFailures } from './shared-failures.js';
import { unlocked, type Way } from './turn.js';

/** What a waiter finds: its answer, a reason to load at once, or nothing yet. */
export type FoundAfterWaiting =
  Landing | Extract<Way, { kind: 'unlocked' }> | { readonly kind: 'none'; readonly loading: boolean };

/** The look of a waiter at what another's load has left. */
export class AfterWaiting {
  constructor(
    private readonly look: Look,
    private readonly failures: SharedFailures,
    private readonly report: (event: CacheEvent) => void,
  ) {}

  /**
   * The holder is done. Its value: go home with it. Its failure: share that. A mark that nothing could be stored: load at once, without taking the lock
   * in turn with everybody else who waited.
   */
  at(flight: Flight): Promise<FoundAfterWaiting> {
    return flight.ask(() => this.find(flight));
  }

  private async find(flight: Flight): Promise<FoundAfterWaiting> {
    const { key } = flight;
    const seen = await this.look.at(key);
    if (!seen.up) return unlocked('store-unavailable');
    const fresh = await this.look.fresh(key, seen.state);
    if (fresh === 'in-the-way') return unlocked('in-the-way');
    if (fresh !== 'none') {
      flight.end();
      return { kind: 'found', ...fresh };
    }
    const { loading, mark } = seen.state;
    if (mark?.kind === 'failed') {
      flight.end();
      this.report({ type: 'failure-shared', key });
      throw this.failures.forMark(key, mark);
    }
    return mark?.kind === 'unstored' ? unlocked('unstored') : { kind: 'none', loading };
  }
}
