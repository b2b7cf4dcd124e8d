import type { CallHandler } from '@nestjs/common';
import type { Observable } from 'rxjs';
import type { HttpResponseSlice } from './cacheable-request.js';
import { UNCACHEABLE } from '../core/uncacheable.js';
import { discardStream, isStream, runHandler, type HandlerResult } from './handler-run.js';
import { isRequestsOwnFault } from './response-errors.js';

/** What kept an answer out of the cache. */
export type UncacheableReason = 'stream' | 'several-values' | 'response-changed' | 'request-error';

/** What the request's own run of the method gave, when it cannot be shared. */
type OwnResult =
  | { readonly reason: Exclude<UncacheableReason, 'request-error'>; readonly result: HandlerResult }
  | { readonly reason: 'request-error'; readonly error: unknown };

/** The load of one request: its method as a loader, and what became of it if it cannot be shared. */
export class RequestLoad {
  private static readonly handlerErrors = new WeakSet();
  private own: OwnResult | undefined;
  private answered = false;

  constructor(
    private readonly next: CallHandler,
    private readonly response: HttpResponseSlice,
  ) {}

  readonly loader = async (): Promise<unknown> => {
    const before = this.responseState();
    const found = await this.run();
    const own = 'error' in found ? found : unshareable(found, !this.answered && before !== this.responseState());
    if (own === undefined) return (found as { readonly value: unknown }).value;
    if (!this.answered) this.own = own;
    else if ('result' in own && own.result.kind === 'value') discardStream(own.result.value);
    return UNCACHEABLE;
  };

  /**
   * The request has its answer. A refresh in the background may still run the method: then nobody can have a stream that it opens, and what is set on the response since does not come
   * from the method.
   *
   * @param wanted whether the answer is {@link UNCACHEABLE}: what the own run gave is asked for
   */
  finish(wanted: boolean): OwnResult | undefined {
    this.answered = true;
    const { own } = this;
    this.own = undefined;
    if (!wanted && own !== undefined && 'result' in own && own.result.kind === 'value') discardStream(own.result.value);
    return wanted ? own : undefined;
  }

  /** True for errors that a method threw, here or in the request whose load was shared: they are nobody's to change. */
  static isHandlerError(error: unknown): boolean {
    return typeof error === 'object' && error !== null && RequestLoad.handlerErrors.has(error);
  }

  private async run(): Promise<HandlerResult | Extract<OwnResult, { reason: 'request-error' }>> {
    try {
      return await runHandler(this.next.handle() as Observable<unknown>);
    } catch (error) {
      if (isRequestsOwnFault(error)) return { reason: 'request-error', error };
      if (typeof error === 'object' && error !== null) RequestLoad.handlerErrors.add(error);
      throw error;
    }
  }

  /** Status and headers, as far as the method can have set them. */
  private responseState(): string {
    return JSON.stringify([this.response.statusCode, this.response.getHeaders()]);
  }
}

function unshareable(result: HandlerResult, responseChanged: boolean): OwnResult | undefined {
  if (result.kind === 'sequence') return { reason: 'several-values', result };
  if (isStream(result.value)) return { reason: 'stream', result };
  return responseChanged ? { reason: 'response-changed', result } : undefined;
}
