import { describe, expect, it } from 'vitest';
import type { TypeOrmDataSource } from '../../../lib/codec/typeorm-types.js';
import type { CacheEvent } from '../../../lib/core/cache-event.js';
import { CacheClosedError, StoreUnavailableError } from '../../../lib/core/errors.js';
import { EntityChanges } from '../../../lib/invalidation/entity-changes.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';

function setUp(announce: (changes: unknown, withinMs?: number) => Promise<void>) {
  const events: CacheEvent[] = [];
  const changes = new EntityChanges({
    announce,
    clear: () => Promise.resolve(),
    clock: new ManualClock(),
    timeoutMs: 1_000,
    namespace: 'shop',
    outbox: undefined,
    passedBy: () => undefined,
    versionOf: () => undefined,
    bulkChanges: true,
    report: (event) => void events.push(event),
  });
  const subscribers: { afterInsert?: (event: object) => Promise<void> }[] = [];
  changes.watch({ subscribers } as unknown as TypeOrmDataSource);
  const metadata = { name: 'Product', tableName: 'product', columns: [], primaryColumns: [], relations: [] };
  const write = () =>
    subscribers[0]?.afterInsert?.({ queryRunner: { isTransactionActive: false }, metadata, entity: {} });
  return { changes, events, subscribers, write };
}

describe('EntityChanges', () => {
  it('says nothing of an announcement that failed and is kept: whoever keeps it has told', async () => {
    const { events, write } = setUp(() => Promise.reject(new StoreUnavailableError('away')));
    await write();
    expect(events).toEqual([]);
  });

  it('tells of one that nobody keeps, and never makes the write fail', async () => {
    const { events, write } = setUp(() => Promise.reject(new CacheClosedError('closed')));
    await write();
    expect(events).toMatchObject([{ type: 'announcement-lost', error: expect.any(CacheClosedError) as unknown }]);
  });

  it('lets a write wait no longer than it should', async () => {
    const bounds: unknown[] = [];
    const { write } = setUp((_, withinMs) => Promise.resolve(void bounds.push(withinMs)));
    await write();
    expect(bounds).toEqual([1_000]);
  });

  it('leaves the data sources, which may outlive it', async () => {
    const { changes, subscribers } = setUp(() => Promise.resolve());
    expect(subscribers).toHaveLength(1);
    await changes.close();
    expect(subscribers).toEqual([]);
  });
});
