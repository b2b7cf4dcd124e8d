import { Inject, Injectable } from '@nestjs/common';
import { encodeKey } from './core/cache-key.js';
import type { Loader, Outcome } from './core/load-request.js';
import type { ReadThrough } from './core/read-through.js';
import { InvalidOptionsError } from './core/errors.js';
import { jittered, lifeOf } from './core/lifetime.js';
import { userTag } from './core/tag-names.js';
import type { Version } from './core/version.js';
import { resolvePolicy } from './distributed-cache.options.js';
import { HEALTH_RULES, type CacheHealth, type HealthOptions } from './observability/cache-health.js';
import type { CacheCounts } from './observability/cache-stats.js';
import {
  INVALIDATE_RULES,
  LOAD_RULES,
  SET_RULES,
  isTagList,
  toVersion,
  type InvalidateOptions,
  type LoadOptions,
  type SetOptions,
} from './options/call-options.js';
import { checkRenewal, currentVersionReader } from './options/current-version.js';
import { describeGiven } from './core/describe-given.js';
import { checkOptions } from './options/option-rules.js';
import { CacheHost } from './wiring/cache-host.js';

/**
 * A key as a list of parts: `['product', id]`. Texts, numbers, bigints, booleans, `null`, dates, lists, plain objects, `Map` and `Set`; no two different lists
 * share a key, and `1` and `'1'` are different parts.
 */
export type CacheKey = readonly unknown[];

/** An answer, and how it came about. `BYPASS`: the cache was passed by, because it is disabled or a transaction is open. */
export interface CacheAnswer<T> {
  readonly value: T;
  readonly outcome: Outcome | 'BYPASS';
}

/**
 * The cache, for providers. A key is loaded once, however many callers and instances ask for it, and an older row never replaces a newer one.
 *
 * Every method throws `InvalidKeyError` for a key that cannot be encoded, `InvalidOptionsError` for options that make no sense, and `CacheClosedError` after
 * the application has shut down.
 */
@Injectable()
export class DistributedCacheService {
  /** @internal Nest builds it. */
  constructor(@Inject(CacheHost) private readonly host: CacheHost) {}

  /**
   * The value of a key: from the cache, from a load that is under way anywhere, or from the loader, whose result is then stored.
   *
   * The loader reads committed rows from the primary after it was called; its signal fires when the result is no longer wanted. Its own error reaches every
   * caller untouched and is never cached, only shared for `failureBackoffMs`. `null`, `false`, `0`, `''` and `[]` are values like any other; `undefined` is returned and not stored.
   *
   * @throws the loader's error; `SharedLoadError` when a load in another instance has just failed; `LoadTimeoutError`; `LoadLimitError` when the load gets no turn (`maxConcurrentLoads`); where the
   *   policy says `'fail'`, `WaitTimeoutError`, `LockUnavailableError` and `StoreUnavailableError`; `ReentrantLoadError` when a loader waits for its own key; the reason of `signal`
   */
  async getOrLoad<T>(key: CacheKey, loader: Loader<T>, options: LoadOptions<T> = {}): Promise<T> {
    return (await this.load(key, loader, options)).value;
  }

  /** As {@link getOrLoad}, and tells how the answer came about. */
  getOrLoadWithOutcome<T>(key: CacheKey, loader: Loader<T>, options: LoadOptions<T> = {}): Promise<CacheAnswer<T>> {
    return this.load(key, loader, options);
  }

  /** The fresh value of a key, or undefined; frozen if the module's `share` says so. Loads nothing, and finds nothing while the store is down. */
  async get(key: CacheKey): Promise<unknown> {
    const encoded = encodeKey(key);
    if (!this.host.options.enabled) return undefined;
    return (await this.cache()).get(encoded, this.host.options.policy.share);
  }

  /**
   * Announces a change and, where that is safe, stores the new value: over a value of a strictly lower version, when the version counts updates (`@VersionColumn`, or a bigint or
   * number in `version`) and the module's `cacheIf` and `ttlMs` want it. In every other case it acts as {@link invalidate}, since a notice that stores a value may arrive late and bring the past back.
   *
   * A value with tags (`entity` gives it some) is stored over one with the same tags only, and only while no announcement of one of them is remembered (twice `floorMs`): so give `entity`, `tags` and `listInvalidation` as the calls do that load the key.
   *
   * Not for rows that may be removed and come back under their key with a lower version: a late `set` of the former row would then be taken for the newer one.
   *
   * @returns which of the two it did
   * @throws StoreUnavailableError when the store does not answer: the change is kept, and announced without its value when the store is back. Until then this instance serves nothing older, and others may
   */
  async set(key: CacheKey, value: unknown, options: SetOptions = {}): Promise<'stored' | 'invalidated'> {
    const encoded = encodeKey(key);
    checkOptions('set() options', options, SET_RULES);
    const policy = resolvePolicy(this.host.options, options, 'set() options');
    if (!this.host.options.enabled) return 'invalidated';
    const version = this.versionOfSet(value, options);
    // Two updates may share a stamp of time, so it does not tell which of two values is the newer.
    const cache = await this.cache();
    if (version === undefined || isStampOfTime(version)) {
      await cache.invalidate(encoded, version === undefined ? {} : { version });
      return 'invalidated';
    }
    const verdict = lifeOf(policy, value);
    if (!verdict.kept) {
      const { reason, detail } = verdict;
      this.host.report({ type: 'not-stored', key: encoded, reason, ...(detail !== undefined && { detail }) });
      await cache.invalidate(encoded, { version });
      return 'invalidated';
    }
    const { ttlMs, keepStaleMs } = verdict.life;
    const { clock } = this.host.options;
    const { entity, tags, rows, listInvalidation } = options;
    const tagsOf = this.host.tagReader({ entity, tags, rows, listInvalidation }, encoded);
    return cache.set(encoded, {
      value,
      version,
      lifetime: { ttlMs: jittered(ttlMs, policy.ttlJitter, clock), keepStaleMs },
      ...(tagsOf !== undefined && { tagsOf }),
    });
  }

  /**
   * Announces that what lies under a key has changed. Call it after the commit; what TypeORM commits is announced without it (`onChange`). No reader that begins after it gets the old value, on
   * any instance, and loads that are under way are not stored.
   *
   * @throws StoreUnavailableError when the store does not answer: the change is kept, and announced when the store is back. Until then this instance serves nothing older, and others may
   */
  async invalidate(key: CacheKey, options: InvalidateOptions = {}): Promise<void> {
    const encoded = encodeKey(key);
    checkOptions('invalidate() options', options, INVALIDATE_RULES);
    if (!this.host.options.enabled) return;
    const { version, change } = options;
    const cache = await this.cache();
    await cache.invalidate(encoded, {
      ...(version !== undefined && { version: toVersion(version) }),
      ...(change !== undefined && { change }),
    });
  }

  /**
   * Announces that what carries these tags has changed: every entry that was loaded with one of them is invalidated as by {@link invalidate}, and loads that are under way and turn out to carry
   * one are not stored. Call it after the commit.
   *
   * @throws StoreUnavailableError when the store does not answer: what could not be announced is kept, and announced when the store is back. Until then this instance serves nothing from the store, and others may serve what is older
   */
  async invalidateTags(tags: readonly string[]): Promise<void> {
    if (!isTagList(tags)) {
      throw new InvalidOptionsError(
        `invalidateTags(): expected an array of texts, got ${describeGiven(tags)}. Write ['products'].`,
      );
    }
    if (!this.host.options.enabled || tags.length === 0) return;
    await (await this.cache()).announceTags([...new Set(tags)].map((tag) => ({ tag: userTag(tag) })));
  }

  /** Removes every entry of this namespace, and nothing else. Loads that are under way are not stored. @throws StoreUnavailableError when the store does not answer: then it is done when the store is back */
  async clear(): Promise<void> {
    if (this.host.options.enabled) await (await this.cache()).clear();
  }

  /** What happened in this process since it started. */
  stats(): CacheCounts {
    return this.host.counts();
  }

  /**
   * How store and lock service are, seen from this instance. Asks the store once, for all who ask at once, and takes no lock. Rejects for options that make no sense only.
   */
  async health(options: HealthOptions = {}): Promise<CacheHealth> {
    checkOptions('health() options', options, HEALTH_RULES);
    return this.host.health(options.timeoutMs ?? this.host.options.storeTimeoutMs);
  }

  private async load<T>(key: CacheKey, loader: Loader<T>, options: LoadOptions<T>): Promise<CacheAnswer<T>> {
    checkOptions('getOrLoad() options', options, LOAD_RULES);
    const policy = resolvePolicy(this.host.options, options, 'getOrLoad() options');
    const encoded = encodeKey(key);
    const { entity, version, signal, manager, tags, rows, listInvalidation, currentVersion } = options;
    checkRenewal('getOrLoad() options', policy, options);
    const reason = this.host.options.enabled
      ? manager?.queryRunner?.isTransactionActive === true
        ? 'transaction'
        : undefined
      : 'disabled';
    if (reason !== undefined) {
      this.host.report({ type: 'bypassed', reason });
      return { value: await loader({ signal: signal ?? new AbortController().signal }), outcome: 'BYPASS' };
    }
    const versionOf = this.host.versionReader(entity, version);
    const cache = this.host.opened ?? (await this.host.open());
    const tagsOf = this.host.tagReader({ entity, tags, rows, listInvalidation }, encoded);
    return cache.getOrLoad<T>({
      key: encoded,
      loader,
      policy,
      repeatable: true,
      ...(versionOf !== undefined && { versionOf }),
      ...(tagsOf !== undefined && { tagsOf }),
      ...(currentVersion !== undefined && { currentVersion: currentVersionReader(currentVersion) }),
      ...(signal !== undefined && { signal }),
    });
  }

  private async cache(): Promise<ReadThrough> {
    return this.host.opened ?? this.host.open();
  }

  private versionOfSet(value: unknown, { version, entity }: SetOptions): Version | undefined {
    return version === undefined ? this.host.versionReader(entity, undefined)?.(value) : toVersion(version);
  }
}

function isStampOfTime({ kind }: Version): boolean {
  return kind === 'updated-at' || kind === 'updated-at-us';
}
