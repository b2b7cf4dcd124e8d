import type { Clock } from '../../core/clock.js';
import type { WakeReason } from '../../core/lock-provider.js';
import type { ZkNode } from './zk-client-port.js';
import { isUnknownOutcome } from './zk-client-port.js';
import { ZooKeeperBusyLock } from './zoo-keeper-busy-lock.js';
import type { ZooKeeperSession } from './zoo-keeper-session.js';

interface Watched {
  /** Of the holder that was seen. */
  readonly czxid: bigint;
  readonly locks: Set<ZooKeeperBusyLock>;
}

/**
 * The nodes of others that somebody here waits for. The watch on the server belongs to the connection and is one for a path, however many wait; closures given to
 * the client would never be freed, so events are found by their path. There is no way to take a watch back: one that is not needed any more ends with its node.
 */
export class NodeWatchers {
  readonly #session: ZooKeeperSession;
  readonly #clock: Clock;
  readonly #watched = new Map<string, Watched>();

  constructor(session: ZooKeeperSession, clock: Clock) {
    this.#session = session;
    this.#clock = clock;
  }

  /** To be called in the same turn in which the reply came that armed the watch: an event can only come in a later one. */
  add(path: string, node: ZkNode): ZooKeeperBusyLock {
    const former = this.#watched.get(path);
    if (former && former.czxid !== node.czxid) this.wake(path, 'vanished');
    const watched = this.#watched.get(path) ?? { czxid: node.czxid, locks: new Set() };
    this.#watched.set(path, watched);
    const lock = new ZooKeeperBusyLock(this.#clock, () => {
      watched.locks.delete(lock);
      if (watched.locks.size === 0 && this.#watched.get(path) === watched) this.#watched.delete(path);
    });
    watched.locks.add(lock);
    return lock;
  }

  wake(path: string, reason: WakeReason): void {
    for (const lock of [...(this.#watched.get(path)?.locks ?? [])]) lock.wake(reason);
  }

  wakeAll(reason: WakeReason): void {
    for (const path of [...this.#watched.keys()]) this.wake(path, reason);
  }

  /** A new connection knows nothing of our watches, and events of the time between are lost: everything is looked at again. */
  rearmAll(): void {
    for (const path of this.#watched.keys()) void this.rearm(path);
  }

  /** Arms the watch of a path anew, or wakes those who wait for a node that is gone. What the connection's end prevents is done at its return. */
  async rearm(path: string): Promise<void> {
    const before = this.#watched.get(path);
    if (!before) return;
    const { code, node } = await this.#session.get(path, true);
    if (this.#watched.get(path) !== before || node?.czxid === before.czxid) return;
    if (!isUnknownOutcome(code)) this.wake(path, 'vanished');
    // The reply may yet come, or never: who waits is better off looking than trusting in it.
    else if (this.#session.state === 'connected') this.wake(path, 'contact-lost');
  }
}
