/** Every error this library throws by itself. A loader's own error is never wrapped in one. */
export abstract class DistributedCacheError extends Error {
  /** A stable name for programs; messages are for people and may change. */
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The options make no sense. Thrown while the application starts, before anything is opened. */
export class InvalidOptionsError extends DistributedCacheError {
  readonly code = 'ERR_CACHE_INVALID_OPTIONS';
}

/** A key part cannot be encoded (a function, a symbol, a circular object …). */
export class InvalidKeyError extends DistributedCacheError {
  readonly code = 'ERR_CACHE_INVALID_KEY';
}

/** A value cannot be stored faithfully. Callers of a load still get the value; an event tells why it is not kept. */
export class UnserializableValueError extends DistributedCacheError {
  readonly code = 'ERR_CACHE_UNSERIALIZABLE';
}

/** Bytes under one of our keys are not an entry of ours, or were cut short. Read as a miss, with an event. */
export class CorruptEntryError extends DistributedCacheError {
  readonly code = 'ERR_CACHE_CORRUPT_ENTRY';
}

/** An entry was written by an instance whose classes differ from those here, usually of another release. Read as a miss, with an event. */
export class OtherShapeError extends DistributedCacheError {
  readonly code = 'ERR_CACHE_OTHER_SHAPE';
}

/** The loader took longer than `loadTimeoutMs`; its result, should one still come, is refused. */
export class LoadTimeoutError extends DistributedCacheError {
  readonly code = 'ERR_CACHE_LOAD_TIMEOUT';
}

/** `waitMs` ran out while another's load was awaited, and `onWaitTimeout` is `'fail'`. */
export class WaitTimeoutError extends DistributedCacheError {
  readonly code = 'ERR_CACHE_WAIT_TIMEOUT';
}

/** This process runs `maxConcurrentLoads` loads already, and the policy is not to wait, too many wait, or the wait ran out. Nothing was loaded. */
export class LoadLimitError extends DistributedCacheError {
  readonly code = 'ERR_CACHE_LOAD_LIMIT';
}

/** A loader asked, in its own asynchronous chain, for a key whose load waits for that very loader. */
export class ReentrantLoadError extends DistributedCacheError {
  readonly code = 'ERR_CACHE_REENTRANT_LOAD';
}

/** What is left of an error after it crossed to another process. */
export interface ErrorDescription {
  readonly name: string;
  readonly message: string;
  readonly code?: string | number;
  /** HTTP status, where the original error had one. */
  readonly status?: number;
  /** The body an HTTP framework would have sent, where the original error had one (JSON only). */
  readonly response?: unknown;
}

/** A load in another process failed less than `failureBackoffMs` ago. `cause` describes the original error. */
export class SharedLoadError extends DistributedCacheError {
  readonly code = 'ERR_CACHE_SHARED_LOAD';
  override readonly cause: ErrorDescription;

  constructor(cause: ErrorDescription) {
    super(`The load of this key has just failed: ${cause.name}: ${cause.message}`);
    this.cause = cause;
  }
}

/** @see UnavailableError */
export interface UnavailableErrorOptions extends ErrorOptions {
  /** Default false. */
  readonly refused?: boolean;
}

/** What a server did not do. */
export abstract class UnavailableError extends DistributedCacheError {
  /** True when the server has answered, and would not do it: out of memory, read-only, no right to it. It is there, so this opens no circuit breaker. */
  readonly refused: boolean;

  constructor(message: string, { refused = false, ...options }: UnavailableErrorOptions = {}) {
    super(message, options);
    this.refused = refused;
  }
}

/** The store did not do what it was asked: no answer in time, no connection, or an error of its own (`cause`). */
export class StoreUnavailableError extends UnavailableError {
  readonly code = 'ERR_CACHE_STORE_UNAVAILABLE';
}

/** The lock service could not be asked in time. Says nothing about who holds the lock. */
export class LockUnavailableError extends UnavailableError {
  readonly code = 'ERR_CACHE_LOCK_UNAVAILABLE';
}

/** The lock service refuses our credentials: a mistake in the configuration, not an outage. */
export class LockAuthError extends DistributedCacheError {
  readonly code = 'ERR_CACHE_LOCK_AUTH';
}

/** The reason with which a held lock's signal fires: the lock is lost, or may be. */
export class LockLostError extends DistributedCacheError {
  readonly code = 'ERR_CACHE_LOCK_LOST';
}

/** The cache has been closed (application shutdown). */
export class CacheClosedError extends DistributedCacheError {
  readonly code = 'ERR_CACHE_CLOSED';
}

/** The reason with which a loader's signal fires when nobody waits for it any more (`cancelUnwatched`). */
export class LoadUnwatchedError extends DistributedCacheError {
  readonly code = 'ERR_CACHE_LOAD_UNWATCHED';
}

/** True for every error this library throws by itself; with a `code`, for those of that code only. */
export function isDistributedCacheError(error: unknown, code?: string): error is DistributedCacheError {
  return error instanceof DistributedCacheError && (code === undefined || error.code === code);
}
