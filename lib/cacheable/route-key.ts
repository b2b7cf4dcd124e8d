import { createHash } from 'node:crypto';
import { InvalidKeyError } from '../core/errors.js';
import type { CacheableRequest, HttpRequestSlice } from './cacheable-request.js';
import type { RoutePlan } from './route-plan.js';

/** What tells who asks (RFC 9111, section 3.5, and cookies). */
const CREDENTIALS = ['authorization', 'cookie'] as const;
const SECRET_HEADER = /authorization|cookie|token|secret|key|session/;

/** The key of a request, or what keeps it from having one. */
export type RouteKey =
  { readonly parts: readonly unknown[] } | { readonly parts: undefined; readonly credential: string };

/**
 * The key of a request: the one that the code gives, else the default one.
 *
 * @throws what the `key` or `varyBy` function throws, and `InvalidKeyError` when it does not return an array
 */
export function routeKey(plan: RoutePlan, request: CacheableRequest): RouteKey {
  const { options } = plan;
  const varied = variedParts(plan, request);
  if (options.key !== undefined) return { parts: [...list(options.key(request), plan, 'key'), ...varied] };
  const credential = unseparatedCredential(plan, request);
  if (credential !== undefined) return { parts: undefined, credential };
  return { parts: [...defaultParts(plan, request), ...varied] };
}

function defaultParts({ identity, headIsGet }: RoutePlan, { params, query, request }: CacheableRequest): unknown[] {
  const slice = request as HttpRequestSlice;
  const method = headIsGet && slice.method === 'HEAD' ? 'GET' : slice.method;
  return [...identity, method, routePattern(slice), params, { ...slice.hosts }, query];
}

/** `/products/:id`, as both platforms know it. */
function routePattern({ baseUrl, route, routeOptions }: HttpRequestSlice): string {
  const path = routeOptions?.url ?? route?.path;
  return `${baseUrl ?? ''}${String(path)}`;
}

/**
 * The first credential that the key would not tell apart; undefined when the answer may be stored. Names of headers separate users only by what those headers carry, so each
 * credential of the request has to be among them; a user without one (recognised by a client certificate, say) only a function can tell.
 */
function unseparatedCredential(
  { options: { shared, varyBy } }: RoutePlan,
  { headers, user }: CacheableRequest,
): string | undefined {
  if (shared === true || typeof varyBy === 'function') return undefined;
  const carried = CREDENTIALS.filter((name) => headers[name] !== undefined);
  const named = new Set(varyBy?.map((name) => name.toLowerCase()));
  const missing = carried.find((name) => !named.has(name));
  if (missing !== undefined || carried.length > 0) return missing;
  return user === undefined || user === null ? undefined : 'user';
}

function variedParts(plan: RoutePlan, request: CacheableRequest): readonly unknown[] {
  const { varyBy } = plan.options;
  if (varyBy === undefined) return [];
  if (typeof varyBy === 'function') return ['vary', ...list(varyBy(request), plan, 'varyBy')];
  return ['vary', ...varyBy.map((name) => headerPart(name.toLowerCase(), request.headers))];
}

/** Keys are readable in the store and in events, and a credential must not be. */
function headerPart(name: string, headers: CacheableRequest['headers']): readonly unknown[] {
  const value = headers[name];
  if (value === undefined || !SECRET_HEADER.test(name)) return [name, value];
  return [name, createHash('sha256').update(JSON.stringify(value)).digest('hex')];
}

function list(parts: unknown, { name }: RoutePlan, option: string): readonly unknown[] {
  if (Array.isArray(parts)) return parts as unknown[];
  throw new InvalidKeyError(
    `@LockedCacheable() on ${name}: expected ${option} to return an array of parts at once, got ${parts instanceof Promise ? 'a promise' : typeof parts}. Write ${option}: ({ params }) => ['product', params.id].`,
  );
}
