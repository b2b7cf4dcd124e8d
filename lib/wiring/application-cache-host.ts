import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { DiscoveryService, ModuleRef } from '@nestjs/core';
import { cockatielBreakers } from '../breakers/cockatiel-breaker.js';
import type { CacheEvent, CacheObserver } from '../core/cache-event.js';
import { withDeadline } from '../core/deadline.js';
import { CacheClosedError } from '../core/errors.js';
import type { LockProvider } from '../core/lock-provider.js';
import type { ProviderContext } from '../core/provider-factory.js';
import { ReadThrough } from '../core/read-through.js';
import type { ReadThroughParts } from '../core/assembly.js';
import type { CacheTelemetry } from '../core/telemetry.js';
import type { VersionedStore } from '../core/versioned-store.js';
import { TaggedJsonCodec } from '../codec/tagged-json-codec.js';
import type { VersionExtractor } from '../codec/entity-version.js';
import { RESOLVED_OPTIONS } from '../distributed-cache.module-definition.js';
import type { ResolvedCacheOptions } from '../distributed-cache.options.js';
import type { EntityOption } from '../options/call-options.js';
import { HealthCheck, type CacheHealth } from '../observability/cache-health.js';
import { CacheStats, type CacheCounts } from '../observability/cache-stats.js';
import { FanOutObserver } from '../observability/fan-out-observer.js';
import { LogObserver } from '../observability/log-observer.js';
import { TracedReadThrough } from '../observability/tracing/traced-read-through.js';
import { watchChanges, type ChangeWatch } from './change-watch.js';
import { CacheHost, type TagOptions, type TagReader, type VersionReader } from './cache-host.js';
import { EntityKnowledge } from './entity-knowledge.js';
import { findApplicationCache, findDataSources } from './find-in-application.js';
import { openLock, openStore, type Opened } from './open-providers.js';
import { disabledLine, startLine, type Reached } from './start-line.js';

/** How long one part may take to close: far longer than it should. */
const CLOSE_TIMEOUT_MS = 10_000;

/** Opens the cache when the application starts and closes it when it has shut down. */
@Injectable()
export class ApplicationCacheHost extends CacheHost implements OnModuleInit, OnModuleDestroy, OnApplicationShutdown {
  private readonly logger = new Logger('DistributedCache');
  private readonly stats = new CacheStats();
  private readonly warned = new Set<string>();
  private readonly observer: CacheObserver;
  private readonly listeners: CacheObserver[];
  private telemetry: Promise<CacheTelemetry> | undefined;
  private readonly entities: EntityKnowledge;
  private changes: ChangeWatch | undefined;
  private opening: Promise<ReadThrough> | undefined;
  /** What was opened, in the order of opening. */
  private readonly parts: Opened<LockProvider | VersionedStore>[] = [];
  private healthCheck: HealthCheck | undefined;
  private closed = false;
  opened: ReadThrough | undefined;

  constructor(
    @Inject(RESOLVED_OPTIONS) readonly options: ResolvedCacheOptions,
    @Inject(ModuleRef) private readonly moduleRef: ModuleRef,
    @Inject(DiscoveryService) discovery: DiscoveryService,
  ) {
    super();
    const { clock, log, observers, classes, dataSources } = options;
    this.listeners = [this.stats, ...(log ? [new LogObserver(this.logger, clock)] : []), ...observers];
    this.observer = new FanOutObserver(this.listeners, (broken, error) => {
      this.logger.error(
        `The observer ${broken.constructor.name} threw; it stays, and this is said once: ${String(error)}`,
      );
    });
    this.entities = new EntityKnowledge(
      classes,
      () => dataSources ?? findDataSources(discovery),
      (kind, message) => this.warnOnce(kind, message),
      (dataSource) => this.changes?.watch(dataSource),
      options.policy.replicaLagMs > 0,
    );
  }

  async onModuleInit(): Promise<void> {
    if (this.options.enabled) {
      await this.open();
      return;
    }
    await this.listen();
    this.logger.log(disabledLine(this.options));
  }

  /** Only what nobody waits for: Nest goes on to answer the requests that it has, which read, load and write as ever. */
  async onModuleDestroy(): Promise<void> {
    this.opened?.stopBackground();
    if (this.changes !== undefined) await this.ended('The outbox', this.changes.stop());
  }

  /** The requests are answered. What else is under way (a consumer of a queue, a refresh) may end, and what it changes is announced; then everything closes. */
  async onApplicationShutdown(): Promise<void> {
    await this.opened?.land(this.options.shutdownTimeoutMs);
    if (this.changes !== undefined) await this.ended('The outbox', this.changes.close());
    this.closed = true;
    const cache = await this.opening?.catch(() => undefined);
    this.opened = undefined;
    this.entities.close();
    if (cache !== undefined) await this.ended('The cache', cache.close());
    await this.closeParts();
  }

  open(): Promise<ReadThrough> {
    if (this.closed)
      return Promise.reject(new CacheClosedError('The cache is closed, because the application has shut down.'));
    // What fails may be asked for again: somebody may have come before the providers were all there.
    this.opening ??= this.build().catch(async (error: unknown) => {
      await this.closeParts();
      this.opening = undefined;
      throw error;
    });
    return this.opening;
  }

  versionReader(entity: EntityOption | undefined, extractor: VersionExtractor | undefined): VersionReader | undefined {
    return this.entities.versionReader(entity, extractor);
  }

  checkVersions(entity: EntityOption, extractor: VersionExtractor | undefined): void {
    if (this.options.enabled) this.entities.checkVersions(entity, extractor);
  }

  tagReader(options: TagOptions, key: string): TagReader | undefined {
    const { onChange, listInvalidation } = this.options;
    return this.entities.tagReader(options, key, onChange === 'ignore' ? undefined : listInvalidation);
  }

  report(event: CacheEvent): void {
    this.observer.observe(event);
  }

  warnOnce(kind: string, message: string): void {
    if (this.warned.has(kind)) return;
    this.warned.add(kind);
    this.logger.warn(message);
  }

  counts(): CacheCounts {
    return this.stats.snapshot();
  }

  /** Once: what was measured before an opening failed must not be measured twice. */
  private listen(): Promise<CacheTelemetry> {
    this.telemetry ??= this.createTelemetry().catch((error: unknown) => {
      this.telemetry = undefined;
      throw error;
    });
    return this.telemetry;
  }

  private async createTelemetry(): Promise<CacheTelemetry> {
    const { namespace, telemetry } = this.options;
    const made = (await telemetry?.createTelemetry({ namespace })) ?? {};
    if (made.observer !== undefined) this.listeners.push(made.observer);
    return made;
  }

  health(timeoutMs: number): Promise<CacheHealth> {
    if (!this.options.enabled) return Promise.resolve({ status: 'up' });
    if (this.opened === undefined || this.healthCheck === undefined) return Promise.resolve({ status: 'down' });
    return this.healthCheck.look(timeoutMs);
  }

  private async build(): Promise<ReadThrough> {
    const { namespace, clock, storeTimeoutMs, lockTimeoutMs } = this.options;
    const context: ProviderContext = {
      namespace,
      clock,
      storeTimeoutMs,
      lockTimeoutMs,
      report: (event) => {
        this.report(event);
        if (event.type === 'lock-state' && event.state === 'connected') this.opened?.lockServiceIsBack();
      },
    };
    const { tracer } = await this.listen();
    if (this.options.onChange !== 'ignore') this.changes ??= await this.entityChanges();
    this.entities.readDataSources();
    const store = await openStore(this.options, context, () => findApplicationCache(this.moduleRef));
    this.parts.push(store);
    const { scope } = store.part;
    const lock = await openLock(this.options, context, scope);
    this.parts.push(lock);
    const [storeReached, lockReached] = await Promise.all([this.proveStore(store.part), this.askLock(lock.part)]);
    this.opened = this.readThrough(store.part, lock.part, tracer);
    this.healthCheck = new HealthCheck(store.part, lock.part, this.options.policy, clock);
    await this.changes?.start();
    const { level, message } = startLine(this.options, {
      store: { description: store.description, reached: storeReached },
      lock: { description: lock.description, reached: lockReached },
      scope,
    });
    this.logger[level](message);
    return this.opened;
  }

  private entityChanges(): Promise<ChangeWatch> {
    return watchChanges({
      options: this.options,
      entities: this.entities,
      cache: () => this.open(),
      report: (event) => this.report(event),
      warnOnce: (kind, message) => this.warnOnce(kind, message),
    });
  }

  /** The last that was opened is closed first: locks before the store. */
  private async closeParts(): Promise<void> {
    for (const part of this.parts.splice(0).reverse()) await this.ended(part.description, part.close());
  }

  /** A part that does not end must not keep the application, and those that are closed after it, from ending. */
  private async ended(what: string, closing: Promise<void>): Promise<void> {
    const timedOut = (): Error => new Error(`it has not ended within ${String(CLOSE_TIMEOUT_MS)} ms`);
    await withDeadline(this.options.clock, closing, CLOSE_TIMEOUT_MS, timedOut).catch((error: unknown) => {
      this.logger.error(`${what} could not be closed: ${String(error)}`);
    });
  }

  /** A store that cannot be reached says nothing about itself, and the application starts; one that answers nonsense must not be used. */
  private async proveStore(store: VersionedStore): Promise<Reached | undefined> {
    const { selfTest } = await import('../stores/store-self-test.js');
    const outcome = await selfTest(store, { clock: this.options.clock, timeoutMs: this.options.storeTimeoutMs });
    if (outcome.kind === 'unavailable') {
      this.report({ type: 'store-unavailable', step: 'read', error: outcome.error });
      return { up: false, error: outcome.error };
    }
    return store.scope === 'process' ? undefined : { up: true };
  }

  /** A lock service that cannot be reached is told of, and the application starts. */
  private async askLock(locks: LockProvider): Promise<Reached | undefined> {
    const { clock, lockTimeoutMs: timeoutMs } = this.options;
    if (locks.check === undefined) return undefined;
    const late = (): Error => new Error(`no answer within ${String(timeoutMs)} ms`);
    return withDeadline(clock, locks.check({ timeoutMs }), timeoutMs, late).then(
      () => ({ up: true }) as const,
      (error: unknown) => ({ up: false, error }) as const,
    );
  }

  private readThrough(store: VersionedStore, locks: LockProvider, tracer: CacheTelemetry['tracer']): ReadThrough {
    const { breaker, clock, storeTimeoutMs, lockTimeoutMs, floorMs, maxKeysPerTag, onChange } = this.options;
    const { maxConcurrentLoads, maxQueuedLoads } = this.options;
    const codec = new TaggedJsonCodec(this.entities.classes);
    const parts: ReadThroughParts = {
      store,
      locks,
      codec,
      clock,
      observer: this.observer,
      limits: { maxConcurrentLoads, maxQueuedLoads },
      storeTimeoutMs,
      lockTimeoutMs,
      floorMs,
      maxKeysPerTag,
      refreshOnChange: onChange === 'refresh',
      ...(breaker !== false && { breaker: cockatielBreakers(clock, breaker) }),
    };
    return tracer === undefined ? new ReadThrough(parts) : new TracedReadThrough(parts, tracer);
  }
}
