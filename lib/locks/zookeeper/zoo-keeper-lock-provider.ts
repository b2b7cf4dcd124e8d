import { AttemptLimit } from '../../core/attempt-limit.js';
import { CacheClosedError, LockUnavailableError } from '../../core/errors.js';
import { LateSignal } from '../../core/late-signal.js';
import { LockProvider } from '../../core/lock-provider.js';
import type { AcquireOptions, BusyLock, HeldLock, LockState } from '../../core/lock-provider.js';
import type { ProviderContext } from '../../core/provider-factory.js';
import { LockAttempt, refusal } from './lock-attempt.js';
import { lockNodePath } from './node-path.js';
import { NodeWatchers } from './node-watchers.js';
import { ParentNodes } from './parent-nodes.js';
import { PathTurns } from './path-turns.js';
import { PendingDeletes } from './pending-deletes.js';
import type { ResolveHost } from './server-addresses.js';
import { ZkCode, isUnknownOutcome } from './zk-client-port.js';
import type { OpenZkClient } from './zk-client-port.js';
import { ZooKeeperHeldLock } from './zoo-keeper-held-lock.js';
import type { ResolvedZooKeeperLockOptions } from './zoo-keeper-lock-options.js';
import { ZooKeeperSession } from './zoo-keeper-session.js';

/** How a provider reaches the world; tests put something else there. */
export interface ZooKeeperOutlets {
  readonly openClient: OpenZkClient;
  readonly resolveHost: ResolveHost;
}

/** Locks as ephemeral nodes: whoever creates a key's node has the lock; the rest watch the node and look at the cache when it goes. */
export class ZooKeeperLockProvider extends LockProvider {
  readonly name = 'zookeeper';
  readonly #context: ProviderContext;
  readonly #maxHeld: number;
  readonly #locksPath: string;
  readonly #session: ZooKeeperSession;
  readonly #turns = new PathTurns();
  readonly #held = new Map<string, ZooKeeperHeldLock>();
  readonly #watchers: NodeWatchers;
  readonly #pending: PendingDeletes;
  readonly #parents: ParentNodes;
  readonly #closing = new LateSignal();
  #attempts = 0;
  #closed: Promise<void> | undefined;

  /** Begins to connect, and does not wait for it. */
  constructor(options: ResolvedZooKeeperLockOptions, context: ProviderContext, outlets: ZooKeeperOutlets) {
    super();
    const { target, root, sessionTimeoutMs, auth, nativeLogLevel, maxHeldLocks, protectRoot } = options;
    const { clock, namespace, lockTimeoutMs } = context;
    this.#context = context;
    this.#maxHeld = maxHeldLocks;
    const home = `${target.chroot}${root}/${namespace}`;
    this.#locksPath = `${home}/locks`;
    this.#session = new ZooKeeperSession(
      {
        target,
        sessionTimeoutMs,
        operationTimeoutMs: lockTimeoutMs,
        ...(auth && { auth }),
        logLevel: nativeLogLevel,
        keepAlivePath: this.#locksPath,
        clock,
        ...outlets,
      },
      {
        onState: (state, previous, error) => {
          context.report({
            type: 'lock-state',
            provider: this.name,
            state,
            previous,
            ...(error !== undefined && { error }),
          });
        },
        onConnected: (resumed) => {
          this.#connected(resumed);
        },
        onLost: (over) => {
          this.#sessionLost(over);
        },
        onDeleted: (path) => {
          this.#nodeGone(path);
        },
        onChanged: (path) => {
          this.#nodeChanged(path);
        },
      },
    );
    this.#watchers = new NodeWatchers(this.#session, clock);
    this.#pending = new PendingDeletes(this.#session, this.#turns, clock, this.#closing);
    this.#parents = new ParentNodes(
      this.#session,
      this.#locksPath,
      protectRoot ? `${target.chroot}${root}` || home : undefined,
    );
    this.#session.start();
  }

  get state(): LockState {
    return this.#session.state;
  }

  async tryAcquire(key: string, options: AcquireOptions): Promise<HeldLock | BusyLock> {
    const path = lockNodePath(this.#locksPath, key);
    const limit = this.#limit(options);
    try {
      limit.throwIfAborted();
      const leave = await this.#turns.enter(path, limit);
      try {
        return await this.#acquireInTurn(path, limit, options.likelyFree ?? false);
      } finally {
        leave();
      }
    } finally {
      limit.end();
    }
  }

  /** Waits for a connection, and looks at the node above the locks. */
  override async check(options: AcquireOptions): Promise<void> {
    const limit = this.#limit(options);
    try {
      limit.throwIfAborted();
      await limit.race(this.#session.connected(limit.signal));
      const { code } = await limit.race(this.#session.get(this.#locksPath, false));
      if (isUnknownOutcome(code)) throw new LockUnavailableError(`No answer: ${this.#session.describe()}.`);
      if (code !== ZkCode.ok && code !== ZkCode.noNode) throw refusal(code, this.#locksPath);
    } finally {
      limit.end();
    }
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  #limit(options: AcquireOptions): AttemptLimit {
    const timedOut = (): Error =>
      new LockUnavailableError(`No answer about a lock within ${options.timeoutMs} ms: ${this.#session.describe()}.`, {
        cause: this.#session.lastError,
      });
    return new AttemptLimit(this.#context.clock, options, this.#closing, timedOut, this.#session.answers);
  }

  async #acquireInTurn(path: string, limit: AttemptLimit, likelyFree: boolean): Promise<HeldLock | BusyLock> {
    const { clock } = this.#context;
    const own = this.#held.get(path);
    if (own && !own.released) return own.busy(clock);
    if (own?.released) await limit.race(own.released);
    if (this.#held.size + this.#attempts >= this.#maxHeld) {
      throw new LockUnavailableError(
        `${this.#held.size} locks are held already, and maxHeldLocks is ${this.#maxHeld}. Run fewer loads at a time, or raise it.`,
        { refused: true },
      );
    }
    const tools = { session: this.#session, parents: this.#parents, pending: this.#pending, clock };
    const id = clock.uniqueId();
    this.#attempts++;
    try {
      const { ours, node } = await new LockAttempt(tools, limit, path, { id, likelyFree }).run();
      return ours ? this.#hold(path, id, node.czxid) : this.#watchers.add(path, node);
    } finally {
      this.#attempts--;
    }
  }

  #hold(path: string, id: string, token: bigint): HeldLock {
    const lock = new ZooKeeperHeldLock(path, id, token, (held) => this.#giveBack(held));
    this.#held.set(path, lock);
    this.#session.hold(true);
    return lock;
  }

  async #giveBack(lock: ZooKeeperHeldLock): Promise<void> {
    const sessionId = this.#session.id;
    const code = await this.#session.remove(lock.path);
    if (!this.#isHeld(lock)) return;
    if (code !== ZkCode.ok && code !== ZkCode.noNode && this.#session.id === sessionId) this.#pending.add(lock.path);
    this.#drop(lock);
    lock.wake('released');
  }

  #isHeld(lock: ZooKeeperHeldLock): boolean {
    return this.#held.get(lock.path) === lock;
  }

  #drop(lock: ZooKeeperHeldLock): void {
    if (this.#isHeld(lock)) this.#held.delete(lock.path);
    this.#session.hold(this.#held.size > 0);
  }

  #lose(lock: ZooKeeperHeldLock, why: string): void {
    this.#drop(lock);
    lock.lose(why, this.#session.lastError);
  }

  #connected(resumed: boolean): void {
    if (!resumed) {
      this.#pending.forget();
      return;
    }
    for (const lock of this.#held.values()) void this.#verify(lock);
    this.#watchers.rearmAll();
    this.#pending.resume();
  }

  #sessionLost(over: boolean): void {
    for (const lock of [...this.#held.values()]) {
      this.#lose(lock, over ? 'the session has ended.' : 'there was no contact for the length of a session.');
      // The session may yet go on; the node must not.
      if (!over) this.#pending.add(lock.path);
      lock.wake('contact-lost');
    }
    if (over) this.#pending.forget();
    this.#watchers.wakeAll('contact-lost');
  }

  #nodeGone(path: string): void {
    this.#watchers.wake(path, 'vanished');
    const lock = this.#held.get(path);
    if (!lock || lock.released) return;
    this.#lose(lock, 'somebody else has deleted its node.');
    lock.wake('vanished');
  }

  #nodeChanged(path: string): void {
    void this.#watchers.rearm(path);
    const lock = this.#held.get(path);
    if (lock) void this.#verify(lock);
  }

  /** Is the node there, is it ours? Arms the watch on it, too. */
  async #verify(lock: ZooKeeperHeldLock): Promise<void> {
    const { code, node } = await this.#session.get(lock.path, true);
    if (isUnknownOutcome(code) || lock.released || !this.#isHeld(lock)) return;
    if (node?.czxid !== lock.token) this.#nodeGone(lock.path);
  }

  async #close(): Promise<void> {
    this.#closing.abort(new CacheClosedError('The lock provider has been closed.'));
    for (const lock of [...this.#held.values()]) {
      this.#lose(lock, 'its provider has been closed.');
      lock.wake('closed');
    }
    this.#pending.forget();
    this.#watchers.wakeAll('closed');
    await this.#session.close();
  }
}
