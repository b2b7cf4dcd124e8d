import { GatewayTimeoutException, HttpException, ServiceUnavailableException } from '@nestjs/common';
import {
  CacheClosedError,
  LoadLimitError,
  LoadTimeoutError,
  LockUnavailableError,
  SharedLoadError,
  StoreUnavailableError,
  WaitTimeoutError,
} from '../core/errors.js';

/**
 * The HTTP answer to an error of the cache itself. The error stays its `cause`; its text, which may speak of servers, does not reach the client.
 *
 * | error | answer |
 * | --- | --- |
 * | `SharedLoadError` of an `HttpException` | the same status and body |
 * | `LoadTimeoutError` | 504: the method did not answer within `loadTimeoutMs` |
 * | `LoadLimitError`, `WaitTimeoutError`, `LockUnavailableError`, `StoreUnavailableError`, `CacheClosedError` | 503 |
 *
 * Everything else is returned as it is.
 */
export function toHttpError(error: unknown): unknown {
  if (error instanceof SharedLoadError && error.cause.status !== undefined) {
    const { response, message, status } = error.cause;
    return new HttpException(isBody(response) ? response : message, status, { cause: error });
  }
  if (error instanceof LoadTimeoutError) return new GatewayTimeoutException(undefined, { cause: error });
  const busy = [LoadLimitError, WaitTimeoutError, LockUnavailableError, StoreUnavailableError, CacheClosedError].some(
    (kind) => error instanceof kind,
  );
  return busy ? new ServiceUnavailableException(undefined, { cause: error }) : error;
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
