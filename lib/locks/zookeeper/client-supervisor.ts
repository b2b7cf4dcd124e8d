import type { Clock } from '../../core/clock.js';
import { withDeadline } from '../../core/deadline.js';
import { LockUnavailableError } from '../../core/errors.js';
import { describeTarget } from './connect-string.js';
import type { ConnectTarget } from './connect-string.js';
import { resolveServers } from './server-addresses.js';
import type { ResolveHost } from './server-addresses.js';
import type { OpenZkClient, ZkAuth, ZkClientPort, ZkSessionCredentials } from './zk-client-port.js';

const RESOLVE_TIMEOUT_MS = 5_000;
/** How often a client that connects is looked at: a local question, which costs nothing. */
const LOOK_MS = 100;
/** So long an attempt to connect may go without an answer; each attempt after such a one twice as long. */
const PATIENCE_MS = 1_000;
const MAX_PATIENCE_MS = 5_000;
/** A connection of that age was a success. */
const LASTING_MS = 5_000;
const BACKOFF_MS = 50;
/** With the random half on top, and the look that finds an attempt failed, less than a second: so long after the servers are back, or have a leader again, everybody is connected. */
const MAX_BACKOFF_MS = 500;

export interface SupervisorConfig {
  readonly target: ConnectTarget;
  readonly sessionTimeoutMs: number;
  readonly auth?: ZkAuth;
  readonly logLevel: number;
  readonly clock: Clock;
  readonly openClient: OpenZkClient;
  readonly resolveHost: ResolveHost;
}

export interface SupervisorEvents {
  readonly onConnected: (client: ZkClientPort) => void;
  readonly onDisconnected: () => void;
  readonly onClosed: (code: number) => void;
  readonly onDeleted: (path: string) => void;
  readonly onChanged: (path: string) => void;
  /** An attempt failed; another follows. */
  readonly onFailure: (error: unknown) => void;
  /** There is no client to be had, now or later. */
  readonly onUnusable: (error: unknown) => void;
}

/**
 * One client object after the other, until one is connected. The C client reconnects only every third of the session timeout, tells nothing when servers refuse
 * it, and is dead for ever after an expired session. So an object that does not get on is replaced by a fresh one, with fresh addresses; and what a replaced one
 * still reports is not heard.
 */
export class ClientSupervisor {
  readonly #config: SupervisorConfig;
  readonly #events: SupervisorEvents;
  #client: ZkClientPort | undefined;
  /** Grows with every change of the client: events carry the number of theirs. */
  #generation = 0;
  #failures = 0;
  /** Attempts in a row that no server answered. */
  #silences = 0;
  #connectedAtMs: number | undefined;
  #cancelTimer: (() => void) | undefined;
  #opening: Promise<void> = Promise.resolve();

  constructor(config: SupervisorConfig, events: SupervisorEvents) {
    this.#config = config;
    this.#events = events;
  }

  get client(): ZkClientPort | undefined {
    return this.#client;
  }

  get generation(): number {
    return this.#generation;
  }

  /** Opens a client that continues a session, or one with a new session. */
  open(resume: ZkSessionCredentials | undefined): void {
    const generation = ++this.#generation;
    this.#opening = this.#build(generation, resume);
  }

  /** The same after a growing, random delay. A connection that did not last counts as a failure, too: else a session that ends again and again would spin. */
  openLater(resume: ZkSessionCredentials | undefined): void {
    if (this.#connectedAtMs !== undefined && this.#config.clock.elapsedMs() - this.#connectedAtMs > LASTING_MS)
      this.#failures = 0;
    this.#connectedAtMs = undefined;
    const backoffMs = Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** this.#failures++);
    this.openAfter(this.#spread(backoffMs), resume);
  }

  openAfter(delayMs: number, resume: ZkSessionCredentials | undefined): void {
    this.detach();
    this.#setTimer(delayMs, () => {
      this.open(resume);
    });
  }

  /** The client lost its connection: it may find another by itself, or be replaced. */
  watchOver(resume: ZkSessionCredentials | undefined): void {
    this.#look(LOOK_MS, resume);
  }

  /** Lets go of the client and of the timer. */
  detach(): ZkClientPort | undefined {
    const client = this.#client;
    this.#client = undefined;
    this.#generation++;
    this.#setTimer(undefined);
    return client;
  }

  async close(): Promise<void> {
    const client = this.detach();
    await client?.close();
    await this.#opening;
  }

  async #build(generation: number, resume: ZkSessionCredentials | undefined): Promise<void> {
    const { target, clock, resolveHost } = this.#config;
    let servers: string;
    try {
      servers = await withDeadline(
        clock,
        resolveServers(target.servers, resolveHost),
        RESOLVE_TIMEOUT_MS,
        () =>
          new LockUnavailableError(
            `the names in ${describeTarget(target)} were not resolved within ${RESOLVE_TIMEOUT_MS} ms`,
          ),
      );
    } catch (error) {
      if (generation === this.#generation) this.#fail(error, resume);
      return;
    }
    if (generation === this.#generation) await this.#start(generation, servers, resume);
  }

  async #start(generation: number, servers: string, resume: ZkSessionCredentials | undefined): Promise<void> {
    const { sessionTimeoutMs, auth, logLevel, openClient } = this.#config;
    const { onDisconnected, onDeleted, onChanged, onClosed } = this.#events;
    const ifCurrent = <Args extends unknown[]>(handle: (...args: Args) => void) => {
      return (...args: Args): void => {
        if (generation === this.#generation) handle(...args);
      };
    };
    try {
      const client = await openClient({
        servers,
        sessionTimeoutMs,
        ...(resume && { resume }),
        ...(auth && { auth }),
        logLevel,
        onConnected: ifCurrent(() => {
          this.#connected();
        }),
        onDisconnected: ifCurrent(onDisconnected),
        onClosed: ifCurrent(onClosed),
        onDeleted: ifCurrent(onDeleted),
        onChanged: ifCurrent(onChanged),
      });
      if (generation !== this.#generation) {
        await client.close();
        return;
      }
      this.#client = client;
      this.watchOver(resume);
    } catch (error) {
      if (generation === this.#generation) this.#events.onUnusable(error);
    }
  }

  #connected(): void {
    if (!this.#client) return;
    this.#setTimer(undefined);
    this.#silences = 0;
    this.#connectedAtMs = this.#config.clock.elapsedMs();
    this.#events.onConnected(this.#client);
  }

  /**
   * Each look counts as {@link LOOK_MS}, however late it is:
   * 1. A client connects. 2. The event loop stands still for longer than the patience, while the server answers. 3. The look comes before the answer is read.
   */
  #look(waitedMs: number, resume: ZkSessionCredentials | undefined): void {
    const { sessionTimeoutMs } = this.#config;
    this.#setTimer(LOOK_MS, () => {
      const client = this.#client;
      if (!client || client.isConnected) return;
      const patienceMs = Math.min(MAX_PATIENCE_MS, sessionTimeoutMs, PATIENCE_MS * 2 ** this.#silences);
      if (!client.isIdle && waitedMs < patienceMs) {
        this.#look(waitedMs + LOOK_MS, resume);
        return;
      }
      const { isIdle } = client;
      // Without a connection it can't tell the servers to end the session, which therefore outlives it.
      if (!client.abandon()) return;
      this.#silences = isIdle ? 0 : this.#silences + 1;
      if (isIdle) this.#fail(new LockUnavailableError('no server accepts a connection'), resume);
      else this.#ignored(patienceMs, resume);
    });
  }

  /**
   * For some 50 ms a ZooKeeper that starts accepts connections that it never answers:
   * 1. The server opens its port.
   * 2. A connection comes.
   * 3. The server begins to serve. It never answers the connection, which stays open.
   * The next attempt follows at once: a pause that grew while the server was away helps nobody now.
   */
  #ignored(patienceMs: number, resume: ZkSessionCredentials | undefined): void {
    this.#events.onFailure(new LockUnavailableError(`no server answered within ${patienceMs} ms`));
    this.openAfter(this.#spread(BACKOFF_MS), resume);
  }

  #fail(error: unknown, resume: ZkSessionCredentials | undefined): void {
    this.#events.onFailure(error);
    this.openLater(resume);
  }

  /** Not in step with others. */
  #spread(delayMs: number): number {
    return delayMs * (0.5 + this.#config.clock.random());
  }

  #setTimer(delayMs: number | undefined, callback: () => void = () => undefined): void {
    this.#cancelTimer?.();
    this.#cancelTimer = delayMs === undefined ? undefined : this.#config.clock.after(delayMs, callback);
  }
}
