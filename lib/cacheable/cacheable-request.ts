import type { ExecutionContext } from '@nestjs/common';

/**
 * What a `key` or `varyBy` function is given. Give it types where you like: `key: ({ params }: CacheableRequest<{ id: string }>) => ['product', params.id]`.
 * Guards have run; pipes have not, so everything is as it came.
 */
export interface CacheableRequest<Params = Record<string, string>, Query = Record<string, unknown>, Body = unknown, User = unknown> {
  readonly params: Params;
  readonly query: Query;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Body;
  /** What a guard has put on the request. */
  readonly user: User;
  /** The request of Express or Fastify. */
  readonly request: unknown;
  readonly context: ExecutionContext;
}

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
