import { applyDecorators, SetMetadata, UseInterceptors } from '@nestjs/common';
import { InvalidOptionsError } from '../core/errors.js';
import { VALUE_RULES, type DependenceOptions, type RowList, type VersionOptions } from '../options/call-options.js';
import type { CurrentVersion } from '../options/current-version.js';
import type { CachePolicy } from '../options/cache-policy.js';
import { checkOptions, trueOrFalse, type OptionRule } from '../options/option-rules.js';
import type { CacheableRequest, RouteLoadContext } from './cacheable-request.js';
import { LockedCacheableInterceptor } from './locked-cacheable.interceptor.js';
import { LOCKED_CACHEABLE } from './route-plan.js';

/**
 * What `@LockedCacheable()` takes. The policy that is left out comes from the module's options.
 *
 * `key` and `varyBy` are written as methods, because TypeScript then lets a function ask for more exact types than every request has.
 */
export interface LockedCacheableOptions extends CachePolicy, VersionOptions<never>, DependenceOptions {
  /**
   * Names under which the answer can be invalidated with others: `invalidateTags()`. Or a function that reads them of the request and of the answer (of `undefined` when the method
   * threw); an answer whose tags cannot be read is not stored. Default none. A route without `entity`, `tags` and `key` is named at start, since nothing can invalidate its entries; `[]` says that it is
   * meant so.
   */
  readonly tags?:
    readonly string[] | { bivariant(request: CacheableRequest, value: unknown): readonly string[] }['bivariant'];
  /**
   * Names the rows that the answer was made of where it does not hold them as instances: plain objects that were mapped from entities; see `rows` of `getOrLoad()`. Default none.
   */
  readonly rows?: { bivariant(request: CacheableRequest, value: unknown): RowList }['bivariant'];
  /**
   * Makes the key: everything that the answer depends on. Routes and `getOrLoad()` calls of one key share its entry, and `invalidate()` takes the same parts. With a
   * key of your own nothing is assumed about users: an answer that depends on who asks needs them in the key.
   *
   * Default: the handler, its route and version, host and route parameters, and the sorted query; and a request with credentials is not cached, see `varyBy`.
   */
  key?(request: CacheableRequest): readonly unknown[];
  /**
   * What the answer depends on beside the key: names of headers, or a function that returns parts. Under the default key, a request with credentials (`Authorization`, a cookie, a
   * user that a guard put on it) is cached when a function is given, or when every credential that the request carries is among the names. Values of headers that
   * carry secrets are hashed. Default none.
   */
  readonly varyBy?: readonly string[] | { bivariant(request: CacheableRequest): readonly unknown[] }['bivariant'];
  /** True: the answer is the same for everybody, so that requests with credentials share it under the default key. Default false. */
  readonly shared?: boolean;
  /**
   * Reads the version that the row has now, by a query that is much cheaper than the method; see `currentVersion` of `getOrLoad()`. `get` gives a provider of the application by its class or token:
   * `currentVersion: ({ params }, { get }) => get(ProductsService).versionOf(params.id)`.
   */
  currentVersion?(request: CacheableRequest, context: RouteLoadContext): CurrentVersion | Promise<CurrentVersion>;
  /** The methods whose answers are cached; others pass through. Default `['GET', 'HEAD']`. */
  readonly methods?: readonly string[];
}

const RULES = {
  ...VALUE_RULES,
  key: {
    expected: 'a function that returns an array',
    cure: "Write key: ({ params }) => ['product', params.id].",
    accepts: (value) => typeof value === 'function',
  },
  varyBy: {
    expected: 'an array of header names or a function that returns an array',
    cure: "Write varyBy: ['accept-language'] or varyBy: ({ user }) => [user.id].",
    accepts: (value) => typeof value === 'function' || isListOf(value, /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/),
  },
  shared: trueOrFalse,
  methods: {
    expected: "an array of HTTP methods such as ['GET', 'HEAD']",
    cure: 'Correct it, or leave it out to have GET and HEAD.',
    accepts: (value) => isListOf(value, /^[A-Z]+$/),
  },
} satisfies Record<keyof LockedCacheableOptions, OptionRule>;

/**
 * Caches what a controller method returns; it needs no further `@UseInterceptors`. Guards run before it, on hits too; pipes and the method itself run only to load.
 *
 * What is stored is what the method returns, as it returns it: serialization (`ClassSerializerInterceptor`, `@Exclude()`) happens to a hit as to a miss. Interceptors of the same method that
 * stand *above* this decorator run inside it, so what they make is stored; those below it and those of the controller and the application run outside.
 *
 * Never cached: thrown errors, `undefined`, streams and `StreamableFile`, several values, a method that sets a status or headers while it runs, methods that answer through
 * `@Res()` or `@Next()` themselves, `@Sse()`. Each request then runs the method itself.
 *
 * Only for controller methods: on a provider's method the application refuses to start and names `getOrLoad()`. Outside HTTP it does nothing.
 *
 * @throws InvalidOptionsError when the class is defined, for options that make no sense
 */
export function LockedCacheable(options: LockedCacheableOptions = {}): MethodDecorator {
  checkOptions('@LockedCacheable()', options, RULES);
  return (target, name, descriptor: PropertyDescriptor | undefined) => {
    if (typeof descriptor?.value !== 'function') {
      throw new InvalidOptionsError(
        `@LockedCacheable() on ${String(name)}: expected a method of a controller. Decorate each method whose answers are cached.`,
      );
    }
    applyDecorators(SetMetadata(LOCKED_CACHEABLE, options), UseInterceptors(LockedCacheableInterceptor))(
      target,
      name,
      descriptor,
    );
  };
}

function isListOf(value: unknown, pattern: RegExp): boolean {
  return (
    Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string' && pattern.test(item))
  );
}
