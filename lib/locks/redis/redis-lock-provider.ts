import { AttemptLimit } from '../../core/attempt-limit.js';
import { sleep, type Clock } from '../../core/clock.js';
import { AnswerCount, withDeadline } from '../../core/deadline.js';
import type { CacheEvent } from '../../core/cache-event.js';
import { PROBE_KEY } from '../../core/circuit-breaker.js';
import { errorMessage } from '../../core/error-text.js';
import { CacheClosedError, LockAuthError, LockUnavailableError } from '../../core/errors.js';
import { LateSignal } from '../../core/late-signal.js';
import {
  LockProvider,
  type AcquireOptions,
  type BusyLock,
  type HeldLock,
  type LockState,
} from '../../core/lock-provider.js';
import type { RedisClient } from '../../redis-client/redis-client.js';
import { LockReturns } from './lock-returns.js';
import { RedisBusyLock } from './redis-busy-lock.js';
import { RedisHeldLock } from './redis-held-lock.js';
import { lockName, RedisLockCommands, type AcquireReply } from './redis-lock-commands.js';
import { refusalOf } from './redis-replies.js';
import { ReleaseMessages } from './release-messages.js';

const FIRST_RETRY_MS = 20;
const LONGEST_RETRY_MS = 500;

export interface RedisLockProviderOptions {
  /** Closed by the provider. */
  readonly client: RedisClient;
  readonly namespace: string;
  readonly clock: Clock;
  /** A lock whose holder died is free no later than this. Milliseconds. */
  readonly ttlMs: number;
  /** Deadline of one command, milliseconds. */
  readonly commandTimeoutMs: number;
  readonly report: (event: CacheEvent) => void;
}

type Answer = AcquireReply & { readonly sentAt: number };

/**
 * Locks on one Redis: owner-checked, renewed while held, with waiters that are woken by a message. A failover that loses the lock lets two
 * holders in for a while, as with every lock of this kind: it saves work and guards nothing.
 */
export class RedisLockProvider extends LockProvider {
  readonly name = 'redis';
  readonly #options: RedisLockProviderOptions;
  readonly #commands: RedisLockCommands;
  readonly #messages: ReleaseMessages;
  readonly #returns: LockReturns;
  readonly #answers = new AnswerCount();
  readonly #attempts = new Set<Promise<unknown>>();
  readonly #held = new Set<RedisHeldLock>();
  readonly #watches = new Set<RedisBusyLock>();
  readonly #closing = new LateSignal();
  #state: LockState = 'idle';
  #closed: Promise<void> | undefined;

  constructor(options: RedisLockProviderOptions) {
    super();
    this.#options = options;
    this.#commands = new RedisLockCommands(options.client, options.namespace, options.ttlMs);
    this.#messages = new ReleaseMessages(options.client, this.#commands.channel);
    this.#returns = new LockReturns({ ...options, commands: this.#commands });
  }

  get state(): LockState {
    return this.#state;
  }

  async tryAcquire(key: string, options: AcquireOptions): Promise<HeldLock | BusyLock> {
    if (this.#closed) throw closedError();
    options.signal?.throwIfAborted();
    const attempt = this.#attempt(key, options);
    this.#attempts.add(attempt);
    try {
      return await attempt;
    } finally {
      this.#attempts.delete(attempt);
    }
  }

  /** One look at a lock, without a second try. */
  override async check(options: AcquireOptions): Promise<void> {
    if (this.#closed) throw closedError();
    const limit = this.#limit(options);
    try {
      await limit.race(this.#commands.look(lockName(PROBE_KEY)));
      this.#moveTo('connected');
    } catch (error) {
      throw limit.aborted ? this.#givenUp(error, limit) : (this.#refused(error) ?? this.#suspended(error));
    } finally {
      limit.end();
    }
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #attempt(key: string, options: AcquireOptions): Promise<HeldLock | BusyLock> {
    const name = lockName(key);
    const owner = this.#options.clock.uniqueId();
    const limit = this.#limit(options);
    const watch = this.#listenFor(name);
    try {
      let answer = await this.#ask(name, owner, limit);
      if (answer.kind === 'busy' && !this.#messages.live) {
        await this.#openMessages(limit);
        // What was released before the subscription was there has to be seen.
        answer = await this.#ask(name, owner, limit);
      }
      if (answer.kind === 'held') return this.#hold(name, owner, answer.token, answer.sentAt, watch);
      watch.see(answer);
      return watch;
    } catch (error) {
      watch.dispose();
      throw error;
    } finally {
      limit.end();
    }
  }

  async #close(): Promise<void> {
    this.#closing.abort(closedError());
    // An attempt whose answer is here already holds its lock a moment later, and that lock has to be given back too.
    await Promise.allSettled(this.#attempts);
    for (const watch of [...this.#watches]) watch.wake('closed');
    await Promise.all([...this.#held].map((held) => held.revoke()));
    await this.#returns.close(this.#options.commandTimeoutMs);
    this.#messages.close();
    await this.#options.client.close();
    this.#moveTo('closed');
  }

  /** Asks until there is an answer. A request whose answer got lost is repeated under the same owner, whom the server recognises. */
  async #ask(name: string, owner: string, limit: AttemptLimit): Promise<Answer> {
    const { clock, ttlMs } = this.#options;
    for (let pauseMs = FIRST_RETRY_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_RETRY_MS)) {
      limit.throwIfAborted();
      const sentAt = clock.elapsedMs();
      const sent = this.#commands.acquire(name, owner);
      try {
        const answer = await limit.race(sent);
        this.#answers.count += 1;
        this.#moveTo('connected');
        // A lock that took so long to come is half expired already: it is asked for again, and so prolonged.
        if (answer.kind === 'busy' || clock.elapsedMs() - sentAt < ttlMs / 2) return { ...answer, sentAt };
      } catch (error) {
        await this.#afterFailure(error, limit, pauseMs).catch((reason: unknown) => {
          this.#returns.giveBackAfter(sent, name, owner);
          throw reason;
        });
      }
    }
  }

  /** Rests before the next try, or rejects when there is none. */
  async #afterFailure(error: unknown, limit: AttemptLimit, pauseMs: number): Promise<void> {
    if (!limit.aborted) {
      const refused = this.#refused(error);
      if (refused !== undefined) throw refused;
      this.#suspended(error);
      await sleep(this.#options.clock, pauseMs, limit.signal);
    }
    if (limit.aborted) throw this.#givenUp(error, limit);
  }

  #refused(error: unknown): Error | undefined {
    const refusal = refusalOf(error);
    if (refusal === undefined) return undefined;
    this.#moveTo(refusal instanceof LockAuthError ? 'auth-failed' : 'suspended', refusal.cause);
    return refusal;
  }

  #suspended(error: unknown): Error {
    this.#moveTo('suspended', error);
    return new LockUnavailableError(`Redis could not be asked for a lock: ${errorMessage(error)}`, { cause: error });
  }

  /** What to reject with when there is no more time, or the caller has given up; `error` is what the last try ended with. */
  #givenUp(error: unknown, { reason }: AttemptLimit): Error {
    if (!(reason instanceof LockUnavailableError)) return reason ?? closedError();
    const refusal = this.#refused(reason);
    if (refusal !== undefined) return refusal;
    this.#moveTo('suspended', reason);
    return error === reason ? reason : new LockUnavailableError(reason.message, { cause: error });
  }

  #limit(options: AcquireOptions): AttemptLimit {
    const { clock, client } = this.#options;
    const timedOut = (): Error => lateError(options.timeoutMs, client.connectionError);
    return new AttemptLimit(clock, options, this.#closing, timedOut, this.#answers);
  }

  /** Without the subscription a waiter still has its look when the holder's time is over; so half the time is enough, and a failure is no failure. */
  async #openMessages(limit: AttemptLimit): Promise<void> {
    const { clock } = this.#options;
    const opening = withDeadline(
      clock,
      this.#messages.open(),
      limit.remainingMs / 2,
      () => new LockUnavailableError('late'),
    );
    await limit.race(opening.catch(() => undefined));
  }

  #listenFor(name: string): RedisBusyLock {
    const watch: RedisBusyLock = new RedisBusyLock({
      ...this.#options,
      listen: (onRelease) => this.#messages.listen(name, onRelease),
      look: () => this.#commands.look(name),
      onOver: () => this.#watches.delete(watch),
    });
    this.#watches.add(watch);
    return watch;
  }

  #hold(name: string, owner: string, token: bigint, sentAt: number, watch: RedisBusyLock): HeldLock {
    watch.dispose();
    const { clock, ttlMs, commandTimeoutMs } = this.#options;
    const held: RedisHeldLock = new RedisHeldLock(token, sentAt, {
      clock,
      ttlMs,
      renewTimeoutMs: Math.min(commandTimeoutMs, ttlMs / 3),
      renew: () => this.#commands.renew(name, owner),
      giveBack: (expiresAt) => {
        this.#held.delete(held);
        return this.#returns.giveBack(name, owner, expiresAt);
      },
    });
    this.#held.add(held);
    return held;
  }

  #moveTo(state: LockState, error?: unknown): void {
    const previous = this.#state;
    if (previous === state || previous === 'closed') return;
    this.#state = state;
    this.#options.report({
      type: 'lock-state',
      provider: this.name,
      state,
      previous,
      ...(error !== undefined && { error }),
    });
  }
}

function closedError(): CacheClosedError {
  return new CacheClosedError('The Redis lock provider is closed.');
}

function lateError(timeoutMs: number, cause: Error | undefined): LockUnavailableError {
  const late = `Redis could not be asked for a lock within ${String(timeoutMs)} ms`;
  return new LockUnavailableError(cause === undefined ? `${late}.` : `${late}: ${cause.message}`, { cause });
}
