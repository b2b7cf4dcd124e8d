import { CacheClosedError, CorruptEntryError, StoreUnavailableError } from '../../core/errors.js';
import type { ProviderContext } from '../../core/provider-factory.js';
import {
  VersionedStore,
  type BeginOptions,
  type BeginOutcome,
  type Fill,
  type FillOutcome,
  type Invalidation,
  type KeyListener,
  type KeyState,
  type LoadMark,
  type TagOutcome,
  type TagRegistration,
  type WriterSet,
} from '../../core/versioned-store.js';
import { RedisConnectionError } from '../../redis-client/connection-watch.js';
import { isErrorReply } from '../../redis-client/error-reply.js';
import type { RedisClient, RedisScript } from '../../redis-client/redis-client.js';
import {
  isForeignType,
  parseBegin,
  parseFill,
  parseRead,
  parseRenew,
  parseSet,
  versionArguments,
} from './state-reply.js';
import { type StateScripts, stateScripts } from './state-scripts.js';
import { parseAnnounce, parseRegister } from './tag-reply.js';
import { type TagScripts, tagScripts } from './tag-scripts.js';
import { WakeMessages } from './wake-messages.js';

/** Part of every key, so that instances of different releases run side by side. */
const ENTRY_FORMAT = 1;
const TAG_FORMAT = 1;
/** How far the clocks of a cluster's nodes may be apart, milliseconds: a tag may lie on another node than the key. */
const CLUSTER_CLOCK_MARGIN_MS = 250;
/** Some three centuries: keeps every sum of times a whole number that Redis takes. */
const LONGEST_MS = 1e13;

/** How a RedisVersionedStore is built. */
export interface RedisStoreParts extends Pick<ProviderContext, 'namespace' | 'report'> {
  readonly client: RedisClient;
  /** Default: {@link stateScripts}. */
  readonly scripts?: StateScripts;
  /** Default: {@link tagScripts}. */
  readonly tagScripts?: TagScripts;
}

/**
 * The protocol on Redis 5 or newer: each step is one script on one key, `<namespace>:cache:1:<key>`, a hash that `redis-cli HGETALL`
 * shows; a tag is one too, `<namespace>:tag:1:<tag>`, a sorted set. A step is one request; it is two when the server has forgotten the script.
 */
export class RedisVersionedStore extends VersionedStore {
  readonly name = 'redis';
  readonly scope = 'fleet';
  readonly #client: RedisClient;
  readonly #prefix: string;
  readonly #tagPrefix: string;
  readonly #report: ProviderContext['report'];
  readonly #scripts: StateScripts;
  readonly #tagScripts: TagScripts;
  readonly #messages: WakeMessages;
  #closed = false;

  constructor(parts: RedisStoreParts) {
    super();
    const { client, namespace, report } = parts;
    this.#client = client;
    this.#prefix = `${namespace}:cache:${ENTRY_FORMAT}:`;
    this.#tagPrefix = `${namespace}:tag:${TAG_FORMAT}:`;
    this.#messages = new WakeMessages(client, `${namespace}:ended:${ENTRY_FORMAT}`, this.#prefix);
    this.#report = report;
    this.#scripts = parts.scripts ?? stateScripts;
    this.#tagScripts = parts.tagScripts ?? tagScripts;
  }

  read(key: string): Promise<KeyState> {
    if (this.#closed) return Promise.reject(closedError());
    return this.#client
      .run(this.#scripts.read, this.#prefix + key, [])
      .then(parseRead)
      .catch((error: unknown): KeyState => {
        if (!(error instanceof CorruptEntryError) && !isForeignType(error)) throw withRefusal(error);
        // the next begin takes no notice of it, and the next fill replaces it
        this.#report({ type: 'corrupt-entry', key, error });
        return { loading: false };
      });
  }

  async begin(
    key: string,
    { lease, leaseMs, loadingMs, unlessLoading = false, earlyMs = 0 }: BeginOptions,
  ): Promise<BeginOutcome> {
    const args = [
      lease,
      duration(leaseMs),
      duration(earlyMs),
      loadingMs === undefined ? '' : duration(loadingMs),
      unlessLoading ? this.#messages.channel : '',
    ];
    const begin = async (): Promise<BeginOutcome> =>
      parseBegin(await this.#send(this.#scripts.begin, this.#prefix + key, args));
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

  override async renew(key: string, lease: string, loadingMs: number): Promise<boolean> {
    return parseRenew(await this.#send(this.#scripts.renew, this.#prefix + key, [lease, duration(loadingMs)]));
  }

  override listen(key: string, onEnd: () => void): KeyListener {
    return this.#messages.listen(key, onEnd);
  }

  override connectionError(): Error | undefined {
    return this.#client.connectionError;
  }

  async fill(
    key: string,
    { lease, begunAt, fillId, payload, ttlMs, keepStaleMs, version, tags = '' }: Fill,
  ): Promise<FillOutcome> {
    const args = [
      lease,
      begunAt,
      fillId,
      payload,
      duration(ttlMs),
      duration(keepStaleMs),
      ...versionArguments(version),
      tags,
    ];
    return parseFill(await this.#send(this.#scripts.fill, this.#prefix + key, args));
  }

  async mark(key: string, lease: string, mark: LoadMark, forMs: number): Promise<void> {
    await this.#send(this.#scripts.mark, this.#prefix + key, [lease, JSON.stringify(mark), mark.kind, duration(forMs)]);
  }

  async invalidate(key: string, { version, change = 'changed', floorMs }: Invalidation): Promise<void> {
    await this.#send(this.#scripts.invalidate, this.#prefix + key, [
      ...versionArguments(version),
      change,
      duration(floorMs),
    ]);
  }

  async set(
    key: string,
    { payload, version, ttlMs, keepStaleMs, floorMs, tags = '' }: WriterSet,
  ): Promise<'stored' | 'invalidated'> {
    const lasting = [ttlMs, keepStaleMs, floorMs].map(duration);
    const args = [payload, ...versionArguments(version), ...lasting, tags];
    return parseSet(await this.#send(this.#scripts.set, this.#prefix + key, args));
  }

  async register(tag: string, { key, begunAt = '', forMs, maxKeys, memoryMs }: TagRegistration): Promise<TagOutcome> {
    const marginMs = this.#client.manyClocks === true ? CLUSTER_CLOCK_MARGIN_MS : 0;
    const args = [key, begunAt, duration(forMs), String(maxKeys), duration(memoryMs), String(marginMs)];
    return parseRegister(await this.#send(this.#tagScripts.register, this.#tagPrefix + tag, args));
  }

  async announce(tag: string, memoryMs: number): Promise<readonly string[]> {
    return parseAnnounce(await this.#send(this.#tagScripts.announce, this.#tagPrefix + tag, [duration(memoryMs)]));
  }

  async clear(): Promise<void> {
    if (this.#closed) throw closedError();
    // Tags stay, and end by themselves. 1. a tag is deleted; 2. its announcement finds no key; 3. whoever reads gets an old value that is not deleted yet, or never will be, because the
    // server goes away. A tag that leads to what is gone does no harm.
    await this.#client.deleteByPrefix(this.#prefix).catch((error: unknown) => {
      throw withRefusal(error);
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#messages.close();
    await this.#client.close();
  }

  #send(script: RedisScript, key: string, args: readonly string[]): Promise<unknown> {
    if (this.#closed) return Promise.reject(closedError());
    return this.#client.run(script, key, args).catch((error: unknown) => {
      throw withRefusal(error);
    });
  }
}

/** An error reply tells that the server is there; that there is no connection, which may be for an error reply too, tells that it is not. */
function withRefusal(error: unknown): unknown {
  if (error instanceof RedisConnectionError) return new StoreUnavailableError(error.message, { cause: error.cause });
  return isErrorReply(error) ? new StoreUnavailableError(error.message, { cause: error, refused: true }) : error;
}

function closedError(): CacheClosedError {
  return new CacheClosedError('The Redis store has been closed.');
}

/** Redis counts in whole milliseconds. */
function duration(ms: number): string {
  return String(Math.min(LONGEST_MS, Math.ceil(ms)));
}
