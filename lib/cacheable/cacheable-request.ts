import type { Abstract, ExecutionContext, Type } from '@nestjs/common';
import type { LoadContext } from '../core/load-request.js';

/** The parts of a request that a `key` or `varyBy` function may know better than this library does. */
export interface RequestTypes {
  readonly params?: object;
  readonly query?: object;
  readonly body?: unknown;
  readonly user?: unknown;
}

/**
 * What a `key` or `varyBy` function is given. Name the types you know: `key: ({ params }: CacheableRequest<{ params: { id: string } }>) => ['product', params.id]`.
 * Guards have run; pipes have not, so everything is as it came.
 */
export interface CacheableRequest<Types extends RequestTypes = object> {
  readonly params: Known<Types, 'params', Record<string, string>>;
  readonly query: Known<Types, 'query', Record<string, unknown>>;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Known<Types, 'body', unknown>;
  /** What a guard has put on the request. */
  readonly user: Known<Types, 'user', unknown>;
  /** The request of Express or Fastify. */
  readonly request: unknown;
  readonly context: ExecutionContext;
}

/** What a function of a route is given that is part of a load. */
export interface RouteLoadContext extends LoadContext {
  /** A provider of the application that is not bound to a request. @throws Nest's `UnknownElementException` when there is none */
  get<T>(token: Type<T> | Abstract<T> | string | symbol): T;
}

type Known<Types, Name extends string, Default> = Types extends Record<Name, infer Part> ? Part : Default;

/** The slice of a request that Express and Fastify share, and the few places where they differ. */
export interface HttpRequestSlice {
  readonly method: string;
  readonly headers: CacheableRequest['headers'];
  readonly params?: object;
  readonly query?: object;
  readonly body?: unknown;
  readonly user?: unknown;
  /** Host parameters, from `@Controller({ host: ':tenant.example.com' })`. */
  readonly hosts?: object;
  /** Express: the route, and where its router is mounted. */
  readonly route?: { readonly path?: unknown };
  readonly baseUrl?: string;
  /** Fastify. */
  readonly routeOptions?: { readonly url?: unknown };
}

/** The slice of a response or reply that Express and Fastify share. */
export interface HttpResponseSlice {
  readonly statusCode: number;
  getHeaders(): object;
}

export function cacheableRequest(context: ExecutionContext): CacheableRequest {
  const request = context.switchToHttp().getRequest<HttpRequestSlice>();
  return {
    params: { ...request.params },
    query: { ...request.query },
    headers: request.headers,
    body: request.body,
    user: request.user,
    request,
    context,
  };
}
