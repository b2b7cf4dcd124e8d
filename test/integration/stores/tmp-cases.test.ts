import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, inject, it } from 'vitest';
import fc from 'fast-check';
import { asContractCase } from '../../../lib/testing/versioned-store-harness.js';
import { changeCases } from '../../../lib/testing/store-cases/change-cases.js';
import { fillCases } from '../../../lib/testing/store-cases/fill-cases.js';
import { keepingCases } from '../../../lib/testing/store-cases/keeping-cases.js';
import { loadCases } from '../../../lib/testing/store-cases/load-cases.js';
import { systemClock } from '../../../lib/core/clock.js';
import { InProcessVersionedStore } from '../../../lib/stores/in-process-versioned-store.js';
import type { VersionedStore } from '../../../lib/core/versioned-store.js';
import { redisStoreWays, storeContext, untilItAnswers } from '../../support/redis-stores.js';

describe.each(Object.entries(redisStoreWays))('%s', (_name, reach) => {
  const make = async () => {
    const a = await reach(inject('redisUrl'), storeContext(`t-${randomUUID()}`));
    const b = await reach(inject('redisUrl'), storeContext(`t-${randomUUID()}`));
    await untilItAnswers(a.store); await untilItAnswers(b.store);
    return { store: a.store, neighbour: b.store, dispose: async () => { await a.store.clear(); await a.close(); await b.close(); } };
  };
  for (const c of [...loadCases, ...fillCases, ...changeCases, ...keepingCases]) it(c.name, () => asContractCase(make, c).run());
});

const L = 600_000;
const order = fc.constantFrom(1n, 2n, 3n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n);
const ver = fc.option(fc.record({ kind: fc.constantFrom('a', 'a', 'a', 'b'), order }), { nil: undefined });
const op = fc.oneof(
  fc.record({ t: fc.constant('read') }), fc.record({ t: fc.constant('begin'), l: fc.constantFrom('l1', 'l2', 'l3', 'l4') }),
  fc.record({ t: fc.constant('fill'), l: fc.nat(5), id: fc.constantFrom('f1', 'f2', 'f3', 'f4', 'f5'), v: ver, ttl: fc.constantFrom(L, L, L, -5000), keep: fc.constantFrom(0, L) }),
  fc.record({ t: fc.constant('begin'), l: fc.constantFrom('l1', 'l2', 'l3', 'l4') }),
  fc.record({ t: fc.constant('fill'), l: fc.nat(1), id: fc.constantFrom('f1', 'f2', 'f3', 'f4', 'f5'), v: ver, ttl: fc.constantFrom(L, L, L, -5000), keep: fc.constantFrom(0, L) }),
  fc.record({ t: fc.constant('mark'), l: fc.nat(2), k: fc.constantFrom('failed', 'unstored') }),
  fc.record({ t: fc.constant('inv'), v: ver, c: fc.constantFrom(undefined, 'changed', 'removed', 'inserted') }),
  fc.record({ t: fc.constant('set'), v: fc.record({ kind: fc.constantFrom('a', 'a', 'b'), order }), keep: fc.constantFrom(0, L) }),
);
async function play(store: VersionedStore, key: string, ops: readonly any[]): Promise<string[]> {
  const out: string[] = []; let last: any;
  for (const o of ops) {
    let r: any;
    const lease = o.l === 0 || o.l === 1 ? last?.lease ?? 'none' : `l${o.l}`;
    if (o.t === 'read') r = await store.read(key);
    if (o.t === 'begin') { r = await store.begin(key, { lease: o.l, leaseMs: L }); if (r.kind === 'lease') last = r; }
    if (o.t === 'fill') r = await store.fill(key, { lease, begunAt: last?.begunAt ?? 'x', fillId: o.id, payload: o.id, ttlMs: o.ttl, keepStaleMs: o.keep, ...(o.v && { version: o.v }) });
    if (o.t === 'mark') r = await store.mark(key, lease, { id: 'm', kind: o.k }, L);
    if (o.t === 'inv') r = await store.invalidate(key, { floorMs: L, ...(o.v && { version: o.v }), ...(o.c && { change: o.c }) });
    if (o.t === 'set') r = await store.set(key, { payload: 'set', version: o.v, ttlMs: L, keepStaleMs: o.keep, floorMs: L });
    out.push(JSON.stringify(r ?? null, (k, v) => (typeof v === 'bigint' ? `${v}` : k === 'begunAt' ? '-' : k === 'freshForMs' ? v > 0 : k === 'staleSinceMs' ? v > 0 : v)));
  }
  return out;
}
it('random histories agree with the in-process store', async () => {
  const a = await redisStoreWays['redisStore({ url })']!(inject('redisUrl'), storeContext(`t-${randomUUID()}`));
  await untilItAnswers(a.store);
  const mem = new InProcessVersionedStore({ clock: systemClock, maxEntries: 100 });
  let n = 0;
  await fc.assert(fc.asyncProperty(fc.array(op, { minLength: 5, maxLength: 30 }), async (ops) => {
    const key = `k${n++}`;
    expect(await play(a.store, key, ops)).toEqual(await play(mem, key, ops));
  }), { numRuns: 6000 });
  await a.store.clear(); await a.close();
}, 300_000);
