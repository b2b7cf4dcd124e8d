/**
 * Where the connection to the lock service stands. Providers without a connection are `'connected'` until they are closed.
 *
 * - `suspended`: contact is lost, but the session may live: held locks may still be ours.
 * - `lost`: by our own clock the session is over; every held lock's signal has fired.
 * - `auth-failed`: the service refuses our credentials.
 */
export type LockState = 'idle' | 'connecting' | 'connected' | 'suspended' | 'lost' | 'auth-failed' | 'closed';

/** Bounds of one attempt at a lock. */
export interface AcquireOptions {
  /** Deadline of the whole attempt, a connection that has to be waited for included. Milliseconds, > 0. */
  readonly timeoutMs: number;
  /** Gives the attempt up early; the attempt then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * The caller has just seen that nobody loads the key, so its lock is most likely free. A hint and nothing more: a provider may use it to save a round trip, or take no notice. Default
   * false.
   */
  readonly likelyFree?: boolean;
}

/** Bounds of one wait for a busy lock. */
export interface WaitOptions {
  /** The longest wait. Milliseconds, >= 0. */
  readonly timeoutMs: number;
  /** Ends the wait early, with `aborted`. */
  readonly signal?: AbortSignal;
}

/** The lock is ours. Exactly one holder at a time, as far as a distributed lock can promise that: never build correctness on it. */
export interface HeldLock {
  readonly acquired: true;
  /** Fencing token: greater than every earlier holder's of this key at this lock service. */
  readonly token: bigint;
  /** Fires, with a `LockLostError`, when the lock is lost or may be. Never fires because of `release()`. */
  readonly signal: AbortSignal;
  /** Gives the lock back. May be called twice, never throws; what fails is repeated in the background. */
  release(): Promise<void>;
}

/**
 * Why a wait ended.
 * - `released`: the holder gave the lock back; - `vanished`: it is free, but whether its holder gave it back or died is not known;
 * - `contact-lost`: the lock service can't tell us any more; - `timeout`, `aborted`, `closed`: as they say.
 */
export type WakeReason = 'released' | 'vanished' | 'contact-lost' | 'timeout' | 'aborted' | 'closed';

/** Somebody else has the lock. The watch is already armed: a release between `tryAcquire` and `wait` is not missed. */
export interface BusyLock {
  readonly acquired: false;
  /** Waits until the lock is no longer held by the holder that was seen. Resolves, never rejects. Call it at most once. */
  wait(options: WaitOptions): Promise<WakeReason>;
  /** Gives the watch up. May be called at any time, twice, and after `wait`. */
  dispose(): void;
}

/**
 * Port to a lock service, and its injection token. One contract suite (`lockProviderContract` from `/testing`) says what is
 * expected of an implementation.
 */
export abstract class LockProvider {
  /** For logs and events: `'zookeeper'`, `'redis'`, `'in-process'`. */
  abstract readonly name: string;

  /** Where the connection stands now; never waits. */
  abstract readonly state: LockState;

  /**
   * One attempt, which never waits for another holder. Resolves to a held or a busy lock; rejects with `LockUnavailableError` when the
   * service can't be asked within `timeoutMs`, with `LockAuthError` when it refuses us, with `CacheClosedError` after `close()`,
   * and with the signal's reason when that fires. An attempt that rejects leaves no lock behind, however late the service answers.
   *
   * @param key any text, 1 to 1,024 UTF-16 units
   */
  abstract tryAcquire(key: string, options: AcquireOptions): Promise<HeldLock | BusyLock>;

  /**
   * Asks the service something that costs it little and takes no lock, for the line at start and for `health()`. Resolves when the service has answered as it should; rejects as `tryAcquire` does. May be left out: then `state` alone
   * tells how the service is.
   */
  check?(options: AcquireOptions): Promise<void>;

  /** Gives every held lock back, ends every wait with `closed` and closes what the provider opened. May be called twice; never rejects. */
  abstract close(): Promise<void>;
}
