import { CacheObserver, type CacheEvent } from '../core/cache-event.js';

/** What happened in this process since it started. Every number only grows. */
export interface CacheCounts {
  /** Reads through the cache: `hits` + `staleHits` that needed no wait + `misses`. What passed by is not counted. */
  readonly requests: number;
  /** Answered by a fresh value at the first look. */
  readonly hits: number;
  /** Answered by a stale value. */
  readonly staleHits: number;
  /** Of `staleHits`: because the load took longer than `softLoadTimeoutMs`. */
  readonly softTimeouts: number;
  /** Values that were loaded anew before they expired. */
  readonly eagerRefreshes: number;
  /** The first look found nothing to serve. */
  readonly misses: number;
  /** Loads that were started here. */
  readonly loads: number;
  /** Those of them that nothing kept from running beside another's: neither the lock nor the store's lease in its place. */
  readonly unlockedLoads: number;
  /** Loads whose loader failed or took longer than `loadTimeoutMs`. */
  readonly loadFailures: number;
  /** Loads that had to wait for their turn, because `maxConcurrentLoads` were under way. */
  readonly queuedLoads: number;
  /** Loads that were not taken on, and callers that no longer waited for a turn; refreshes too. */
  readonly shedLoads: number;
  /** Reads that shared a load of this process, and loads that were spared by waiting for another process. */
  readonly waits: number;
  /** Loaded values that were stored. */
  readonly stored: number;
  /** Stored values that `currentVersion` has shown to be current, and that were spared a load. */
  readonly renewed: number;
  /** Loaded values that were not stored because the state had moved on. */
  readonly superseded: number;
  /** Loaded values that could not be stored: not serializable, too large, `undefined`. */
  readonly notStored: number;
  /** Changes announced here, one for each key. */
  readonly invalidations: number;
  /** Announcements of committed changes that failed, and were kept for later. */
  readonly announcementFailures: number;
  /** Reads that passed the cache by: disabled, inside a transaction, not cacheable. */
  readonly bypasses: number;
  /** Commands that the store did not answer in time, or with an error. */
  readonly storeFailures: number;
  /** Commands that were not sent to the store, because it was known to be away. */
  readonly storeUnasked: number;
  /** Attempts at a lock that the lock service did not answer, or that were not made because it was known to be away. */
  readonly lockFailures: number;
  /** How often a circuit breaker opened: the store, or the lock service, had failed several times in a row. */
  readonly breakerOpenings: number;
}

type Counts = { -readonly [Name in keyof CacheCounts]: CacheCounts[Name] };

/** Counts events. `DistributedCacheService.stats()` reads the one that every module has. */
export class CacheStats extends CacheObserver {
  private readonly counts: Counts = {
    requests: 0,
    hits: 0,
    staleHits: 0,
    softTimeouts: 0,
    eagerRefreshes: 0,
    misses: 0,
    loads: 0,
    unlockedLoads: 0,
    loadFailures: 0,
    queuedLoads: 0,
    shedLoads: 0,
    waits: 0,
    stored: 0,
    renewed: 0,
    superseded: 0,
    notStored: 0,
    invalidations: 0,
    announcementFailures: 0,
    bypasses: 0,
    storeFailures: 0,
    storeUnasked: 0,
    lockFailures: 0,
    breakerOpenings: 0,
  };

  observe(event: CacheEvent): void {
    for (const name of countedBy(event)) this.counts[name]++;
  }

  /** A copy, as of now. */
  snapshot(): CacheCounts {
    return { ...this.counts };
  }
}

const COUNTED: Partial<Record<CacheEvent['type'], readonly (keyof Counts)[]>> = {
  hit: ['requests', 'hits'],
  'eager-refresh': ['eagerRefreshes'],
  miss: ['requests', 'misses'],
  joined: ['waits'],
  'lock-waited': ['waits'],
  'lease-waited': ['waits'],
  'load-queued': ['queuedLoads'],
  'load-shed': ['shedLoads'],
  'load-failed': ['loadFailures'],
  stored: ['stored'],
  renewed: ['renewed'],
  superseded: ['superseded'],
  'not-stored': ['notStored'],
  invalidated: ['invalidations'],
  'announcement-failed': ['announcementFailures'],
  bypassed: ['bypasses'],
  'lock-unavailable': ['lockFailures'],
};

const STALE_COUNTED = {
  refreshing: ['requests', 'staleHits'],
  'load-failed': ['staleHits'],
  'load-slow': ['staleHits', 'softTimeouts'],
  'load-limit': ['staleHits'],
  'lock-unavailable': ['staleHits'],
  'wait-timeout': ['staleHits'],
} as const;

function countedBy(event: CacheEvent): readonly (keyof Counts)[] {
  // One that was served after a failed load or a long wait was a miss before, and is counted as a request there.
  if (event.type === 'stale-hit') return STALE_COUNTED[event.because];
  if (event.type === 'load-started') return event.under === 'none' ? ['loads', 'unlockedLoads'] : ['loads'];
  if (event.type === 'store-unavailable') return [event.unasked === undefined ? 'storeFailures' : 'storeUnasked'];
  if (event.type === 'breaker-changed')
    return event.state === 'open' && event.previous === 'closed' ? ['breakerOpenings'] : [];
  return COUNTED[event.type] ?? [];
}
