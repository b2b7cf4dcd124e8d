import { CacheClosedError, CorruptEntryError } from '../../core/errors.js';
import type { ProviderContext } from '../../core/provider-factory.js';
import {
  VersionedStore,
  type BeginOptions,
  type BeginOutcome,
  type Fill,
  type FillOutcome,
  type Invalidation,
  type KeyState,
  type LoadMark,
  type WriterSet,
} from '../../core/versioned-store.js';
import type { RedisClient } from '../../redis-client/redis-client.js';
import { isForeignType, parseBegin, parseFill, parseRead, parseSet, versionArguments } from './state-reply.js';
import { type StateScripts, stateScripts } from './state-scripts.js';

/** Part of every key, so that instances of different releases run side by side. */
const ENTRY_FORMAT = 1;
/** Some three centuries: keeps every sum of times a whole number that Redis takes. */
const LONGEST_MS = 1e13;

/** How a RedisVersionedStore is built. */
export interface RedisStoreParts extends Pick<ProviderContext, 'namespace' | 'report'> {
  readonly client: RedisClient;
  /** Default: {@link stateScripts}. */
  readonly scripts?: StateScripts;
}

/**
 * The protocol on Redis 5 or newer: each step is one script on one key, `<namespace>:cache:1:<key>`, a hash that `redis-cli HGETALL`
 * shows. A step is one request; it is two when the server has forgotten the script.
 */
export class RedisVersionedStore extends VersionedStore {
  readonly name = 'redis';
  readonly scope = 'fleet';
  readonly #client: RedisClient;
  readonly #prefix: string;
  readonly #report: ProviderContext['report'];
  readonly #scripts: StateScripts;
  #closed = false;

  constructor({ client, namespace, report, scripts = stateScripts }: RedisStoreParts) {
    super();
    this.#client = client;
    this.#prefix = `${namespace}:cache:${ENTRY_FORMAT}:`;
    this.#report = report;
    this.#scripts = scripts;
  }

  read(key: string): Promise<KeyState> {
    return this.#run('read', key, [])
      .then(parseRead)
      .catch((error: unknown): KeyState => {
        if (!(error instanceof CorruptEntryError) && !isForeignType(error)) throw error;
        // the next begin takes no notice of it, and the next fill replaces it
        this.#report({ type: 'corrupt-entry', key, error });
        return { loading: false };
      });
  }

  async begin(key: string, { lease, leaseMs }: BeginOptions): Promise<BeginOutcome> {
    const begin = async (): Promise<BeginOutcome> =>
      parseBegin(await this.#run('begin', key, [lease, duration(leaseMs)]));
    try {
      return await begin();
    } catch (error) {
      if (!(error instanceof CorruptEntryError)) throw error;
      // a mark or a lease that is none would stand before every load until its end
      this.#report({ type: 'corrupt-entry', key, error });
      await this.invalidate(key, { floorMs: 1 });
      return begin();
    }
  }

  async fill(
    key: string,
    { lease, begunAt, fillId, payload, ttlMs, keepStaleMs, version }: Fill,
  ): Promise<FillOutcome> {
    const args = [
      lease,
      begunAt,
      fillId,
      payload,
      duration(ttlMs),
      duration(keepStaleMs),
      ...versionArguments(version),
    ];
    return parseFill(await this.#run('fill', key, args));
  }

  async mark(key: string, lease: string, mark: LoadMark, forMs: number): Promise<void> {
    await this.#run('mark', key, [lease, JSON.stringify(mark), mark.kind, duration(forMs)]);
  }

  async invalidate(key: string, { version, change = 'changed', floorMs }: Invalidation): Promise<void> {
    await this.#run('invalidate', key, [...versionArguments(version), change, duration(floorMs)]);
  }

  async set(
    key: string,
    { payload, version, ttlMs, keepStaleMs, floorMs }: WriterSet,
  ): Promise<'stored' | 'invalidated'> {
    const args = [payload, ...versionArguments(version), duration(ttlMs), duration(keepStaleMs), duration(floorMs)];
    return parseSet(await this.#run('set', key, args));
  }

  async clear(): Promise<void> {
    if (this.#closed) throw closedError();
    await this.#client.deleteByPrefix(this.#prefix);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#client.close();
  }

  #run(step: keyof StateScripts, key: string, args: readonly string[]): Promise<unknown> {
    if (this.#closed) return Promise.reject(closedError());
    return this.#client.run(this.#scripts[step], this.#prefix + key, args);
  }
}

function closedError(): CacheClosedError {
  return new CacheClosedError('The Redis store has been closed.');
}

/** Redis counts in whole milliseconds. */
function duration(ms: number): string {
  return String(Math.min(LONGEST_MS, Math.ceil(ms)));
}
