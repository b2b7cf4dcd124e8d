import type { Clock } from '../../core/clock.js';
import type { LateSignal } from '../../core/late-signal.js';
import type { PathTurns } from './path-turns.js';
import { isUnknownOutcome } from './zk-client-port.js';
import type { ZooKeeperSession } from './zoo-keeper-session.js';

const RETRY_MS = 500;

/**
 * Nodes of our session that may be there and must not be: a delete whose reply was lost, a create that came too late. Whoever holds the turn of a path, and finds it
 * here, clears it first. A lost delete is never simply sent again:
 *
 * 1. we delete our node; the reply is lost; 2. another process creates the node: the lock is its; 3. our second delete takes its lock away.
 *
 * So the owner is read first, and `sync` before that, because a server that lags behind could still show our own, deleted node. A new session has an empty list:
 * the servers remove the old one's nodes by themselves.
 */
export class PendingDeletes {
  readonly #session: ZooKeeperSession;
  readonly #turns: PathTurns;
  readonly #clock: Clock;
  readonly #closing: LateSignal;
  readonly #paths = new Set<string>();
  readonly #retries = new Map<string, () => void>();

  constructor(session: ZooKeeperSession, turns: PathTurns, clock: Clock, closing: LateSignal) {
    this.#session = session;
    this.#turns = turns;
    this.#clock = clock;
    this.#closing = closing;
  }

  has(path: string): boolean {
    return this.#paths.has(path);
  }

  /** The node is cleared in the background, as soon as it is this path's turn and there is a connection. */
  add(path: string): void {
    if (this.#closing.aborted) return;
    this.#paths.add(path);
    void this.#clearInTurn(path);
  }

  /** Connected again, in the same session. */
  resume(): void {
    for (const path of this.#paths) void this.#clearInTurn(path);
  }

  /** The session is over, and its nodes with it. */
  forget(): void {
    this.#paths.clear();
    for (const cancel of this.#retries.values()) cancel();
    this.#retries.clear();
  }

  /** One try, by who holds the turn. True when nothing is left to clear. */
  async clear(path: string): Promise<boolean> {
    const sessionId = this.#session.id;
    if (isUnknownOutcome(await this.#session.sync(path))) return false;
    const { code, node } = await this.#session.get(path, false);
    if (isUnknownOutcome(code)) return false;
    if (node && node.owner === sessionId) {
      if (this.#session.id !== sessionId) return true;
      // Refused for good (an ACL, say), it stays until the session ends; asking again would not help.
      if (isUnknownOutcome(await this.#session.remove(path))) return false;
    }
    this.#paths.delete(path);
    return true;
  }

  async #clearInTurn(path: string): Promise<void> {
    const leave = await this.#turns.enter(path, this.#closing).catch(() => undefined);
    if (!leave) return;
    try {
      if (!this.has(path) || (await this.clear(path))) return;
      if (this.#session.state === 'connected') this.#retryLater(path);
    } finally {
      leave();
    }
  }

  #retryLater(path: string): void {
    if (this.#closing.aborted || this.#retries.has(path)) return;
    const cancel = this.#clock.after(RETRY_MS, () => {
      this.#retries.delete(path);
      void this.#clearInTurn(path);
    });
    this.#retries.set(path, cancel);
  }
}
