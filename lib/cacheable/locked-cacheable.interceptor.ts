import { Inject, Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { of, type Observable } from 'rxjs';
import type { Answer, Outcome } from '../core/load-request.js';
import { UNCACHEABLE } from '../core/uncacheable.js';
import { cacheableRequest, type CacheableRequest, type HttpResponseSlice } from './cacheable-request.js';
import { RequestLoad } from './request-load.js';
import { toHttpAnswer } from './response-errors.js';
import { routeKey } from './route-key.js';
import type { RoutePlan } from './route-plan.js';
import { RoutePlans, type Handler } from './route-plans.js';

/** What `X-Cache` says. */
type XCache = Outcome | 'BYPASS';

/** Serves a decorated controller method through the cache. `@LockedCacheable()` brings it along. */
@Injectable()
export class LockedCacheableInterceptor implements NestInterceptor {
  /** @internal Nest builds it. */
  constructor(
    @Inject(RoutePlans) private readonly plans: RoutePlans,
    @Inject(HttpAdapterHost) private readonly adapterHost: HttpAdapterHost,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    if (context.getType() !== 'http') return next.handle();
    const plan = this.plans.find(context.getClass(), context.getHandler() as Handler);
    if (plan === undefined) return next.handle();
    const request = cacheableRequest(context);
    const { method } = context.switchToHttp().getRequest<{ readonly method: string }>();
    const response = context.switchToHttp().getResponse<HttpResponseSlice>();
    const bypass = plan.never ?? (plan.methods.has(method) ? this.plans.disabled : 'method');
    if (bypass !== undefined) return this.bypass(bypass, response, next);
    const { parts, ...refused } = routeKey(plan, request);
    if (parts !== undefined) return this.through(plan, parts, request, response, next);
    if ('credential' in refused) this.plans.warnOfCredential(plan, refused.credential);
    return this.bypass('credentials', response, next);
  }

  private async through(
    plan: RoutePlan,
    key: readonly unknown[],
    request: CacheableRequest,
    response: HttpResponseSlice,
    next: CallHandler,
  ): Promise<Observable<unknown>> {
    const load = new RequestLoad(next, response);
    const answer = await this.answer(plan, key, request, response, load);
    const own = load.finish(answer.value === UNCACHEABLE);
    if (answer.value !== UNCACHEABLE) {
      this.mark(response, answer.outcome);
      return of(answer.value);
    }
    // The load that was shared gave something that only its own request can have: this one runs the method for itself.
    if (own === undefined) return this.bypass('not-shareable', response, next);
    this.plans.report(own.reason);
    if ('error' in own) throw own.error;
    this.mark(response, 'BYPASS');
    return own.result.kind === 'sequence' ? own.result.values : of(own.result.value);
  }

  private async answer(
    plan: RoutePlan,
    key: readonly unknown[],
    request: CacheableRequest,
    response: HttpResponseSlice,
    load: RequestLoad,
  ): Promise<Answer<unknown>> {
    try {
      return await this.plans.load(plan, key, request, load.loader);
    } catch (error) {
      load.finish(false);
      if (RequestLoad.isHandlerError(error)) throw error;
      const answer = toHttpAnswer(error);
      if (answer.retryAfterS !== undefined) this.setHeader(response, 'Retry-After', String(answer.retryAfterS));
      throw answer.error;
    }
  }

  private bypass(reason: string, response: HttpResponseSlice, next: CallHandler): Observable<unknown> {
    this.plans.report(reason);
    // Before the method runs: it may send the response itself.
    this.mark(response, 'BYPASS');
    return next.handle();
  }

  private mark(response: HttpResponseSlice, outcome: XCache): void {
    if (this.plans.xCacheHeader) this.setHeader(response, 'X-Cache', outcome);
  }

  private setHeader(response: HttpResponseSlice, name: string, value: string): void {
    const { httpAdapter } = this.adapterHost;
    if (!httpAdapter.isHeadersSent(response)) httpAdapter.setHeader(response, name, value);
  }
}
