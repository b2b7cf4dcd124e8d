import type { AttemptLimit } from '../../core/attempt-limit.js';
import type { Clock } from '../../core/clock.js';
import { sleep } from '../../core/clock.js';
import { LockAuthError, LockUnavailableError } from '../../core/errors.js';
import type { ParentNodes } from './parent-nodes.js';
import type { PendingDeletes } from './pending-deletes.js';
import { ZkCode, isUnknownOutcome } from './zk-client-port.js';
import type { ZkGetReply, ZkNode } from './zk-client-port.js';
import type { ZooKeeperSession } from './zoo-keeper-session.js';

/** Between two tries while the connection is in trouble but not known to be gone. */
const PAUSE_MS = 25;

export interface AttemptTools {
  readonly session: ZooKeeperSession;
  readonly parents: ParentNodes;
  readonly pending: PendingDeletes;
  readonly clock: Clock;
}

export interface AttemptNature {
  /** What its node contains, by which it is recognised. */
  readonly id: string;
  /** Begin with the create. */
  readonly likelyFree: boolean;
}

/** `ours`: the node is the one this attempt created. Else another holds the lock, and the watch on its node is armed. */
export interface AttemptOutcome {
  readonly ours: boolean;
  readonly node: ZkNode;
}

type Step = 'look' | 'create' | 'make-parents' | 'pause';

/**
 * One attempt on one node; its caller has the turn of the path and holds no lock on it. It looks first, because a create that loses costs the servers a write; if nothing
 * is there it creates, and reads back in the same round trip: the reading gives the token, or the one who was quicker, and arms the watch. Where the lock is likely free it
 * does that at once, and so saves the look; those who come in the same instant pay a write each for it, as they would have after looking.
 *
 * After a reply that was lost the node is recognised by what it contains. A node of our own session with other contents was left by an attempt that gave up, and is
 * cleared. A node of a former session of ours is another's: it may vanish at any moment.
 */
export class LockAttempt {
  readonly #tools: AttemptTools;
  readonly #limit: AttemptLimit;
  readonly #path: string;
  readonly #id: string;
  readonly #likelyFree: boolean;
  #mayHaveCreated = false;

  constructor(tools: AttemptTools, limit: AttemptLimit, path: string, { id, likelyFree }: AttemptNature) {
    this.#tools = tools;
    this.#limit = limit;
    this.#path = path;
    this.#id = id;
    this.#likelyFree = likelyFree;
  }

  /** Rejects as `tryAcquire` does, and then leaves no node behind, however late the servers answer. */
  async run(): Promise<AttemptOutcome> {
    try {
      return await this.#run();
    } catch (error) {
      if (this.#mayHaveCreated) this.#tools.pending.add(this.#path);
      throw error;
    }
  }

  async #run(): Promise<AttemptOutcome> {
    const { session, pending, parents, clock } = this.#tools;
    const first = this.#likelyFree ? 'create' : 'look';
    let step: Step = parents.ready ? first : 'make-parents';
    for (;;) {
      this.#limit.throwIfAborted();
      if (session.state !== 'connected') await this.#limit.race(session.connected(this.#limit.signal));
      if (step === 'pause') {
        await sleep(clock, PAUSE_MS, this.#limit.signal);
        this.#limit.throwIfAborted();
        step = 'look';
        continue;
      }
      if (pending.has(this.#path) && !(await this.#limit.race(pending.clear(this.#path)))) {
        step = 'pause';
        continue;
      }
      const result: AttemptOutcome | Step = await this.#take(step);
      if (typeof result === 'object') return result;
      step = result;
    }
  }

  #take(step: Step): Promise<AttemptOutcome | Step> {
    if (step === 'make-parents') return this.#makeParents();
    return step === 'create' ? this.#create() : this.#look();
  }

  async #look(): Promise<AttemptOutcome | Step> {
    const sessionId = this.#tools.session.id;
    return this.#judge(await this.#limit.race(this.#tools.session.get(this.#path, true)), sessionId);
  }

  async #create(): Promise<AttemptOutcome | Step> {
    const { session } = this.#tools;
    const sessionId = session.id;
    this.#mayHaveCreated = true;
    const [code, reply] = await this.#limit.race(
      Promise.all([session.createEphemeral(this.#path, this.#id), session.get(this.#path, true)]),
    );
    if (code === ZkCode.noNode) return 'make-parents';
    if (code !== ZkCode.ok && code !== ZkCode.nodeExists && !isUnknownOutcome(code)) throw this.#refusal(code);
    return this.#judge(reply, sessionId);
  }

  async #makeParents(): Promise<AttemptOutcome | Step> {
    const code = await this.#limit.race(this.#tools.parents.make());
    if (code === ZkCode.ok || code === ZkCode.noNode) return 'look';
    if (isUnknownOutcome(code)) return 'pause';
    throw this.#refusal(code);
  }

  #judge({ code, node }: ZkGetReply, sessionId: string | undefined): AttemptOutcome | Step {
    const { session, pending } = this.#tools;
    if (isUnknownOutcome(code)) return 'pause';
    if (code === ZkCode.noNode) return 'create';
    if (!node) throw this.#refusal(code);
    // What was asked in one session says nothing in the next.
    if (session.id !== sessionId || session.state !== 'connected') return 'pause';
    if (node.owner !== sessionId) return { ours: false, node };
    if (node.data === this.#id) return { ours: true, node };
    pending.add(this.#path);
    return 'pause';
  }

  #refusal(code: number): Error {
    return refusal(code, this.#path.slice(0, this.#path.lastIndexOf('/')));
  }
}

/** What to reject with when the servers have answered that they will not do it. */
export function refusal(code: number, locksPath: string): Error {
  if (code === ZkCode.noAuth) {
    return new LockAuthError(
      `ZooKeeper does not let us create locks below ${locksPath} (NoAuth). Give zooKeeperLock() the auth whose ACL stands on that node or on one above it, or correct the ACL.`,
    );
  }
  return new LockUnavailableError(`ZooKeeper answered ${code} when asked for a lock below ${locksPath}.`, {
    refused: true,
  });
}
