import { Flight, type Seen } from '../../lib/core/flight.js';
import { Keep } from '../../lib/core/keep.js';
import { Loading } from '../../lib/core/loading.js';
import type { Look } from '../../lib/core/look.js';
import { Renewals, Renewed } from '../../lib/core/renewal.js';
import type { StoreGate } from '../../lib/core/store-gate.js';
import { digestOf } from '../../lib/core/tag-digest.js';
import { Tagging } from '../../lib/core/tagging.js';
import type { Traits } from './simulated-traits.js';

export interface BrokenCore {
  /** Makes the mistake; what it returns takes it back. */
  readonly breakIt: () => () => void;
  /** Histories in which it shows soon. */
  readonly traits: Partial<Traits>;
}

/** Puts another method in the place of one. (A spy would remember every call of some hundred histories.) */
function replace<T extends object, N extends keyof T>(
  prototype: T,
  name: N,
  method: (right: T[N]) => T[N],
): () => void {
  const right = prototype[name];
  prototype[name] = method(right);
  return () => {
    prototype[name] = right;
  };
}

const KEYS_ONLY: Partial<Traits> = { tagged: false, notices: ['bare'], dies: false, floorMs: 10 };
const TAGS_ONLY: Partial<Traits> = { tagged: true, notices: ['typeorm'], dies: false, floorMs: 10 };
const RENEWING: Partial<Traits> = { eager: [0.2], renews: 'always', staleMs: [30] };

function renewalOfWhatWasSeenBefore(): () => void {
  const seenBefore = new WeakMap<Flight, Seen>();
  const fly = replace(
    Loading.prototype,
    'fly',
    (right) =>
      function (this: Loading, flight, seen, request) {
        seenBefore.set(flight, seen);
        return right.call(this, flight, seen, request);
      },
  );
  const find = replace(
    Renewals.prototype,
    'find',
    (right) =>
      function (this: Renewals, flight, request, under, context) {
        const { look } = this as unknown as { look: Look };
        const before = seenBefore.get(flight)!;
        const seen = before.up ? { ...before, state: { ...before.state, lease: under.lease } } : before;
        const blinded: unknown = Object.create(look, { at: { value: () => Promise.resolve(seen) } });
        const blind = Object.create(this, { look: { value: blinded } }) as Renewals;
        return right.call(blind, flight, request, under, context);
      },
  );
  return () => {
    fly();
    find();
  };
}

function eagerRefreshUnderAnyLease(): () => void {
  let leases = 0;
  return replace(
    Keep.prototype,
    'value',
    (right) =>
      async function (this: Keep, flight, request, under, value) {
        if (flight.earlyMs === 0) return right.call(this, flight, request, under, value);
        const { store } = this as unknown as { store: StoreGate };
        const begun = await store.begin(flight.key, { lease: `any-${++leases}`, leaseMs: 1_000 });
        const lease = begun.kind === 'lease' ? begun.lease : under.lease;
        return right.call(this, flight, request, { ...under, lease }, value);
      },
  );
}

/** Mistakes of the core, over a store that is right. */
export const brokenCores: Readonly<Record<string, BrokenCore>> = {
  'an eager refresh that fills under any lease': {
    traits: { ...KEYS_ONLY, eager: [0.2], renews: 'never' },
    breakIt: eagerRefreshUnderAnyLease,
  },
  'a renewal of what was seen before its begin, whatever lease that had': {
    traits: { ...KEYS_ONLY, ...RENEWING, ttlsMs: [60], writes: 5 },
    breakIt: renewalOfWhatWasSeenBefore,
  },
  'a renewed value that lives for longer than it is registered': {
    traits: { ...TAGS_ONLY, ...RENEWING, ttlsMs: [60], writes: 2 },
    breakIt: () =>
      replace(
        Keep.prototype,
        'renewed',
        (right) =>
          function (this: Keep, flight, request, under, { life, payload, tags, value, version }) {
            const longer = { ...life, ttlMs: life.ttlMs + 500 };
            return right.call(this, flight, request, under, new Renewed(value, payload, version, longer, tags));
          },
      ),
  },
  'callers who come late and take what is outdated': {
    traits: TAGS_ONLY,
    breakIt: () => replace(Flight.prototype, 'isLate', () => () => false),
  },
  'callers who come late and take an error that is outdated': {
    traits: { ...TAGS_ONLY, ttlsMs: [3], staleMs: [0], renews: 'never', writes: 5 },
    breakIt: () =>
      replace(
        Keep.prototype,
        'failure',
        (right) =>
          async function (this: Keep, flight, ...rest) {
            await right.call(this, flight, ...rest);
            flight.errorOutdated = false;
          },
      ),
  },
  'a set that does not register its key': {
    traits: { ...TAGS_ONLY, notices: ['set', 'set', 'typeorm'], ttlsMs: [60, 300], writes: 5 },
    breakIt: () =>
      replace(
        Tagging.prototype,
        'registerSet',
        () => (tagged, value) => Promise.resolve({ kind: 'clear', tags: digestOf(tagged.tagsOf?.(value) ?? []) }),
      ),
  },
};
