import { RequestMethod, type Type } from '@nestjs/common';
import { encodeKey } from '../core/cache-key.js';
import type { LoadPolicy } from '../core/load-policy.js';
import { resolvePolicy, type PolicyDefaults } from '../distributed-cache.options.js';
import { checkRenewal } from '../options/current-version.js';
import type { LockedCacheableOptions } from './locked-cacheable.decorator.js';

export const LOCKED_CACHEABLE = Symbol('LockedCacheable');

/** Where Nest's decorators leave what they know. These texts are the same since Nest 8; they are not exported for public use. */
const NEST = {
  method: 'method',
  sse: '__sse__',
  version: '__version__',
  routeArgs: '__routeArguments__',
  passthrough: '__responsePassthrough__',
};
/** The kinds of parameters by which a method takes the response into its own hands: `@Res()`, `@Next()`. */
const RESPONSE_KINDS: ReadonlySet<string> = new Set(['1', '2']);

/** What is known of a route before any request. */
export interface RoutePlan {
  /** `ProductsController.findOne` */
  readonly name: string;
  readonly options: LockedCacheableOptions;
  readonly policy: LoadPolicy;
  /** Why nothing of it is ever cached; undefined when it may be. */
  readonly never: 'response-injected' | 'sse' | undefined;
  readonly methods: ReadonlySet<string>;
  /** A HEAD request runs the method of `@Get()` and may share its entry. */
  readonly headIsGet: boolean;
  /** The first parts of its default key. */
  readonly identity: readonly unknown[];
}

/**
 * The plan of a decorated method; undefined for one that is not decorated.
 *
 * @throws InvalidOptionsError when its policy does not fit the module's options
 */
export function planRoute(
  controller: Type,
  handler: (...args: never[]) => unknown,
  defaults: PolicyDefaults,
): RoutePlan | undefined {
  const options = Reflect.getMetadata(LOCKED_CACHEABLE, handler) as LockedCacheableOptions | undefined;
  if (options === undefined) return undefined;
  const name = `${controller.name}.${handler.name}`;
  const where = `@LockedCacheable() on ${name}`;
  const policy = resolvePolicy(defaults, options, where);
  checkRenewal(where, policy, options);
  const version: unknown = Reflect.getMetadata(NEST.version, handler) ?? Reflect.getMetadata(NEST.version, controller);
  return {
    name,
    options,
    policy,
    never: neverCached(controller, handler),
    methods: new Set(options.methods ?? ['GET', 'HEAD']),
    headIsGet: Reflect.getMetadata(NEST.method, handler) === RequestMethod.GET,
    // The path alone would not do: versions by header, and hosts, lead one path to several methods.
    identity: ['route', name, versionText(version)],
  };
}

/** As Nest itself decides whether it sends the response. */
function neverCached(controller: Type, handler: (...args: never[]) => unknown): RoutePlan['never'] {
  if (Reflect.getMetadata(NEST.sse, handler) === true) return 'sse';
  const args = (Reflect.getMetadata(NEST.routeArgs, controller, handler.name) ?? {}) as object;
  const takesResponse = Object.keys(args).some((key) => RESPONSE_KINDS.has(key.split(':')[0] ?? ''));
  const passthrough = Reflect.getMetadata(NEST.passthrough, controller, handler.name) === true;
  return takesResponse && !passthrough ? 'response-injected' : undefined;
}

/** A version may be a symbol (`VERSION_NEUTRAL`), which no key can hold. */
function versionText(version: unknown): string {
  return Array.isArray(version) ? encodeKey([version.map(String)]) : String(version);
}
