import { Inject, Injectable, Logger, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { encodeKey } from '../core/cache-key.js';
import type { Answer, Loader } from '../core/load-request.js';
import { CacheHost } from '../wiring/cache-host.js';
import { currentVersionReader } from '../options/current-version.js';
import type { CacheableRequest, RouteLoadContext } from './cacheable-request.js';
import type { LockedCacheableOptions } from './locked-cacheable.decorator.js';
import { planRoute, type RoutePlan } from './route-plan.js';

/** A controller's method. */
export type Handler = (...args: never[]) => unknown;

/** So many routes are named in one line. */
const MOST_NAMES = 10;

/** The plans of all routes, made once each, and what the interceptors of all modules share. */
@Injectable()
export class RoutePlans {
  private readonly plans = new Map<Type, Map<Handler, RoutePlan | undefined>>();
  private readonly logger = new Logger('DistributedCache');

  constructor(
    @Inject(CacheHost) private readonly host: CacheHost,
    @Inject(ModuleRef) private readonly moduleRef: ModuleRef,
  ) {}

  get xCacheHeader(): boolean {
    return this.host.options.xCacheHeader;
  }

  get disabled(): 'disabled' | undefined {
    return this.host.options.enabled ? undefined : 'disabled';
  }

  /** @throws InvalidOptionsError when the route's policy does not fit the module's options; the explorer asks for every route at start */
  find(controller: Type, handler: Handler): RoutePlan | undefined {
    const known = this.plans.get(controller);
    if (known?.has(handler) === true) return known.get(handler);
    const plan = planRoute(controller, handler, this.host.options);
    this.plans.set(controller, (known ?? new Map<Handler, RoutePlan | undefined>()).set(handler, plan));
    return plan;
  }

  /** The route's answer through the cache; not to be asked for while the cache is disabled. */
  async load(
    { options, policy }: RoutePlan,
    parts: readonly unknown[],
    request: CacheableRequest,
    loader: Loader<unknown>,
  ): Promise<Answer<unknown>> {
    const key = encodeKey(parts);
    const versionOf = this.host.versionReader(options.entity, options.version);
    const { tags, entity, listInvalidation, rows } = options;
    const ofValue = typeof tags === 'function' ? (value: unknown) => tags(request, value) : tags;
    const rowsOf = rows && ((value: unknown) => rows(request, value));
    const tagsOf = this.host.tagReader({ entity, tags: ofValue, rows: rowsOf, listInvalidation }, key);
    const cache = this.host.opened ?? (await this.host.open());
    return cache.getOrLoad({
      key,
      loader,
      policy,
      ...(versionOf !== undefined && { versionOf }),
      ...(tagsOf !== undefined && { tagsOf }),
      ...(options.currentVersion !== undefined && { currentVersion: this.currentVersion(options, request) }),
    });
  }

  private currentVersion(options: LockedCacheableOptions, request: CacheableRequest) {
    const get: RouteLoadContext['get'] = (token) => this.moduleRef.get(token, { strict: false });
    return currentVersionReader((context) => options.currentVersion?.(request, { ...context, get }));
  }

  /** Says at start what will never be cached, and why. */
  warnOfNever({ name, never }: RoutePlan): void {
    if (never === undefined) return;
    const because =
      never === 'sse'
        ? 'it sends server-sent events'
        : 'it answers by @Res() or @Next() itself: return the value, or use @Res({ passthrough: true })';
    this.logger.warn(`@LockedCacheable() on ${name} does nothing: ${because}.`);
  }

  /** Says at start, in one line for all routes, whose answers nothing can invalidate: a key of the route's own can be given to `invalidate()`, a default key cannot. `tags: []` says that this is meant. */
  warnOfUninvalidated(plans: readonly RoutePlan[]): void {
    const { enabled, onChange } = this.host.options;
    if (!enabled) return;
    const names = plans
      .filter(({ never, options }) => {
        const hears = options.entity !== undefined && onChange !== 'ignore';
        return never === undefined && options.key === undefined && options.tags === undefined && !hears;
      })
      .map(({ name }) => name);
    if (names.length === 0) return;
    const more = names.length > MOST_NAMES ? ` and ${String(names.length - MOST_NAMES)} more` : '';
    this.host.warnOnce(
      'uninvalidated',
      `Nothing can invalidate what @LockedCacheable() stores for ${names.slice(0, MOST_NAMES).join(', ')}${more}: it is served until its ttlMs is over. ` +
        'Give entity or tags, or a key of your own for invalidate(); tags: [] says that it is meant so.',
    );
  }

  /** @throws InvalidOptionsError when two entities have one name */
  checkVersions({ options: { entity, version } }: RoutePlan): void {
    if (entity !== undefined) this.host.checkVersions(entity, version);
  }

  warnOfCredential({ name }: RoutePlan, credential: string): void {
    const carried = credential === 'user' ? 'a user' : `a header "${credential}"`;
    this.host.warnOnce(
      `credentials ${name}`,
      `@LockedCacheable() on ${name}: a request with ${carried} was not cached, since its answer might be for this user only. Say shared: true if it is the same for everybody, ` +
        'name what tells users apart in varyBy, or give a key of your own. (Said once per route.)',
    );
  }

  /** A request passed by the cache. */
  report(reason: string): void {
    this.host.report({ type: 'bypassed', reason });
  }
}
