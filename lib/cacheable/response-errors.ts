import { GatewayTimeoutException, HttpException, ServiceUnavailableException } from '@nestjs/common';
import { SharedLoadError, isDistributedCacheError } from '../core/errors.js';

/** How long a client should wait before it asks again, seconds: as long as an outage takes to be noticed and gone, or until another instance is asked. */
const OUTAGE_S = 2;
const MOMENT_S = 1;

/** By the code of the error. A 503 tells when to ask again. After a 504 nobody can know: the method itself is slow. */
const ANSWERS: Readonly<Record<string, { readonly status: 503 | 504; readonly retryAfterS?: number }>> = {
  ERR_CACHE_LOAD_TIMEOUT: { status: 504 },
  ERR_CACHE_WAIT_TIMEOUT: { status: 503, retryAfterS: MOMENT_S },
  ERR_CACHE_LOAD_LIMIT: { status: 503, retryAfterS: MOMENT_S },
  ERR_CACHE_CLOSED: { status: 503, retryAfterS: MOMENT_S },
  ERR_CACHE_LOCK_UNAVAILABLE: { status: 503, retryAfterS: OUTAGE_S },
  ERR_CACHE_LOCK_AUTH: { status: 503, retryAfterS: OUTAGE_S },
  ERR_CACHE_LOCK_LOST: { status: 503, retryAfterS: OUTAGE_S },
  ERR_CACHE_STORE_UNAVAILABLE: { status: 503, retryAfterS: OUTAGE_S },
};

/** An error of the cache itself as HTTP answers it, and what its `Retry-After` says. */
export interface HttpAnswer {
  readonly error: unknown;
  readonly retryAfterS?: number;
}

/**
 * The HTTP answer to an error of the cache itself. The error stays its `cause`, for exception filters; its text, which may speak of servers, does not reach the client.
 *
 * | error | answer |
 * | --- | --- |
 * | `SharedLoadError` of an `HttpException` | the same status and body |
 * | `LoadTimeoutError` | 504: the method did not answer within `loadTimeoutMs` |
 * | `LoadLimitError`, `WaitTimeoutError`, `CacheClosedError` | 503, `Retry-After: 1` |
 * | `LockUnavailableError`, `LockAuthError`, `LockLostError`, `StoreUnavailableError` | 503, `Retry-After: 2` |
 * | `SharedLoadError` of one of these | the same |
 *
 * Everything else is returned as it is.
 */
export function toHttpAnswer(error: unknown): HttpAnswer {
  const shared = error instanceof SharedLoadError ? error.cause : undefined;
  if (shared?.status !== undefined) {
    const { response, message, status } = shared;
    return { error: new HttpException(isBody(response) ? response : message, status, { cause: error }) };
  }
  const code = shared === undefined ? isDistributedCacheError(error) && error.code : shared.code;
  const answer = typeof code === 'string' && Object.hasOwn(ANSWERS, code) ? ANSWERS[code] : undefined;
  if (answer === undefined) return { error };
  const { retryAfterS, status } = answer;
  const Kind = status === 504 ? GatewayTimeoutException : ServiceUnavailableException;
  return { error: new Kind(undefined, { cause: error }), ...(retryAfterS === undefined ? {} : { retryAfterS }) };
}

/**
 * True for errors that say something about the request and not about what it asked for: they belong to its own sender. With a key of the application's own another request of
 * the same key may be perfectly fine (1. `?page=abc` fails in a pipe; 2. `?page=1` shares its key and waits for it). 404 and 410 are facts about the thing itself.
 */
export function isRequestsOwnFault(error: unknown): boolean {
  const { getStatus } = (typeof error === 'object' && error !== null ? error : {}) as { getStatus?: unknown };
  if (typeof getStatus !== 'function') return false;
  const status = getStatus.call(error) as unknown;
  return typeof status === 'number' && status >= 400 && status < 500 && status !== 404 && status !== 410;
}

function isBody(response: unknown): response is string | Record<string, unknown> {
  return typeof response === 'string' || (typeof response === 'object' && response !== null);
}
