import { AnswerCount, Deadline } from '../../core/deadline.js';
import { CacheClosedError, LockAuthError, LockUnavailableError } from '../../core/errors.js';
import type { LockState } from '../../core/lock-provider.js';
import { ClientSupervisor } from './client-supervisor.js';
import type { SupervisorConfig } from './client-supervisor.js';
import { describeTarget } from './connect-string.js';
import { ConnectionQueue } from './connection-queue.js';
import { SessionLease } from './session-lease.js';
import { ZkCode, isServersAnswer } from './zk-client-port.js';
import type { ZkClientPort, ZkGetReply, ZkSessionCredentials } from './zk-client-port.js';

const AUTH_RETRY_MS = 30_000;

export interface SessionConfig extends SupervisorConfig {
  readonly operationTimeoutMs: number;
  /** What the keep-alive asks for; need not exist. */
  readonly keepAlivePath: string;
}

export interface SessionEvents {
  readonly onState: (state: LockState, previous: LockState, error?: unknown) => void;
  /** `resumed`: the session goes on, with its nodes, but watches may be gone. Else it is a new one. */
  readonly onConnected: (resumed: boolean) => void;
  /** What was held is lost, or may be. `over`: the session has ended, and the servers remove its nodes. */
  readonly onLost: (over: boolean) => void;
  readonly onDeleted: (path: string) => void;
  readonly onChanged: (path: string) => void;
}

/**
 * One session after the other: `idle → connecting → connected ⇄ suspended → lost → connected …`. Without a connection the session may live (`suspended`); by our
 * own clock, or by the servers' word, it is over (`lost`). `auth-failed` is tried again slowly; `closed` is the end.
 */
export class ZooKeeperSession {
  readonly #config: SessionConfig;
  readonly #events: SessionEvents;
  readonly #supervisor: ClientSupervisor;
  readonly #lease: SessionLease;
  readonly #queue = new ConnectionQueue();
  /** What the servers have answered, whichever of them. */
  readonly answers = new AnswerCount();
  #state: LockState = 'idle';
  #credentials: ZkSessionCredentials | undefined;
  #lastError: unknown;
  /** Set when trying again is useless. */
  #unusable: Error | undefined;

  constructor(config: SessionConfig, events: SessionEvents) {
    this.#config = config;
    this.#events = events;
    this.#lease = new SessionLease(config.clock, {
      onKeepAlive: () => void this.get(config.keepAlivePath, false),
      onOver: () => {
        this.#lose();
      },
    });
    this.#supervisor = new ClientSupervisor(config, {
      onConnected: (client) => {
        this.#connected(client);
      },
      onDisconnected: () => {
        this.#disconnected();
      },
      onClosed: (code) => {
        if (code === ZkCode.authFailedState) this.#refused();
        else this.#expired();
      },
      onDeleted: events.onDeleted,
      onChanged: events.onChanged,
      onFailure: (error) => {
        this.#lastError = error;
      },
      onUnusable: (error) => {
        this.#giveUp(error);
      },
    });
  }

  get state(): LockState {
    return this.#state;
  }

  /** The session, hexadecimal; undefined when there is none. */
  get id(): string | undefined {
    return this.#credentials?.sessionId;
  }

  /** Where the session stands, for people. */
  describe(): string {
    const last = this.#lastError instanceof Error ? `; last error: ${this.#lastError.message}` : '';
    return `ZooKeeper at ${describeTarget(this.#config.target)} is ${this.#state}${last}`;
  }

  get lastError(): unknown {
    return this.#lastError;
  }

  start(): void {
    this.#setState('connecting');
    this.#supervisor.open(undefined);
  }

  /** Resolves when connected. Rejects when that can't be, and with the signal's reason. */
  async connected(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#state === 'connected') return;
    const hopeless = this.#hopeless();
    if (hopeless) throw hopeless;
    await this.#queue.wait(signal);
  }

  /** Whether any lock is held, and so whether the session's life has to be watched closely. */
  hold(held: boolean): void {
    this.#lease.hold(held);
  }

  createEphemeral(path: string, data: string): Promise<number> {
    return this.#code((client) => client.createEphemeral(path, data));
  }

  createPersistent(path: string): Promise<number> {
    return this.#code((client) => client.createPersistent(path));
  }

  remove(path: string): Promise<number> {
    return this.#code((client) => client.remove(path));
  }

  sync(path: string): Promise<number> {
    return this.#code((client) => client.sync(path));
  }

  protect(path: string): Promise<number> {
    return this.#code((client) => client.protect(path));
  }

  async get(path: string, watch: boolean): Promise<ZkGetReply> {
    return this.#ask(
      (client) => client.get(path, watch),
      (reply) => reply.code,
      (code) => ({ code }),
    );
  }

  async close(): Promise<void> {
    this.#lease.end();
    this.#setState('closed');
    this.#queue.refuse(closedError());
    await this.#supervisor.close();
  }

  #code(send: (client: ZkClientPort) => Promise<number>): Promise<number> {
    const same = (code: number): number => code;
    return this.#ask(send, same, same);
  }

  /** One operation: never sent without a connection, where the C client would queue it for who knows how long, and never awaited beyond its deadline. */
  #ask<Reply>(
    send: (client: ZkClientPort) => Promise<Reply>,
    codeOf: (reply: Reply) => number,
    failed: (code: number) => Reply,
  ): Promise<Reply> {
    const { clock, operationTimeoutMs } = this.#config;
    const { client, generation } = this.#supervisor;
    if (!client || this.#state !== 'connected') return Promise.resolve(failed(ZkCode.connectionLoss));
    const sentAtMs = clock.elapsedMs();
    return new Promise<Reply>((resolve) => {
      const timedOut = (): void => {
        resolve(failed(ZkCode.operationTimeout));
        this.#notice(client);
      };
      const deadline = new Deadline(clock, operationTimeoutMs, timedOut, this.answers);
      void send(client).then((reply) => {
        deadline.end();
        if (isServersAnswer(codeOf(reply))) {
          this.answers.count += 1;
          if (generation === this.#supervisor.generation) this.#lease.contact(sentAtMs);
        }
        resolve(reply);
      });
      this.#notice(client);
    });
  }

  /** When sending fails, the C client closes the connection and says nothing before its next timer, a third of the session timeout away. */
  #notice(client: ZkClientPort): void {
    if (this.#state === 'connected') this.#noticeDead(client);
  }

  #noticeDead(client: ZkClientPort): void {
    if (client === this.#supervisor.client && !client.isConnected) this.#disconnected();
  }

  #connected(client: ZkClientPort): void {
    const { session } = client;
    const resumed = session.sessionId === this.#credentials?.sessionId;
    if (!resumed && this.#credentials) this.#events.onLost(true);
    this.#credentials = session;
    this.#lastError = undefined;
    this.#lease.begin(client.sessionTimeoutMs, resumed);
    this.#setState('connected');
    this.#events.onConnected(resumed);
    this.#queue.admit();
  }

  #disconnected(): void {
    if (this.#state === 'connected') {
      this.#lease.suspend();
      this.#setState('suspended');
    }
    if (this.#state === 'suspended' || this.#state === 'lost') this.#supervisor.watchOver(this.#credentials);
  }

  /** Over by our own clock. The servers may think otherwise, so the session is continued if it can be. */
  #lose(): void {
    this.#lastError = new LockUnavailableError('nothing was heard of it for the length of a session');
    this.#setState('lost', this.#lastError);
    this.#events.onLost(false);
    const { client, generation } = this.#supervisor;
    if (!client?.isConnected) return;
    // The client believes in its connection. If this process was merely busy, it is right: an answer will tell.
    void client.get(this.#config.keepAlivePath, false).then(({ code }) => {
      const asBefore = generation === this.#supervisor.generation && this.#state === 'lost';
      if (asBefore && isServersAnswer(code)) this.#connected(client);
    });
    // Or sending has just shown that it is wrong.
    this.#noticeDead(client);
  }

  #expired(): void {
    this.#end('lost', new LockUnavailableError('the session has expired'));
    this.#supervisor.openLater(undefined);
  }

  #refused(): void {
    this.#end('auth-failed', this.#refusal());
    this.#queue.refuse(this.#refusal());
    this.#supervisor.openAfter(AUTH_RETRY_MS, undefined);
  }

  #giveUp(error: unknown): void {
    this.#unusable = error instanceof Error ? error : new LockUnavailableError(String(error));
    this.#end('lost', this.#unusable);
    this.#supervisor.detach();
    this.#queue.refuse(this.#unusable);
  }

  #end(state: LockState, error: Error): void {
    this.#credentials = undefined;
    this.#lastError = error;
    this.#lease.end();
    this.#setState(state, error);
    this.#events.onLost(true);
  }

  #refusal(): LockAuthError {
    return new LockAuthError(
      `ZooKeeper at ${describeTarget(this.#config.target)} refuses the credentials of zooKeeperLock({ auth }). Correct them, or the server's authentication settings.`,
    );
  }

  #hopeless(): Error | undefined {
    if (this.#state === 'closed') return closedError();
    return this.#state === 'auth-failed' ? this.#refusal() : this.#unusable;
  }

  #setState(state: LockState, error?: unknown): void {
    const previous = this.#state;
    if (previous === state || previous === 'closed') return;
    this.#state = state;
    this.#events.onState(state, previous, error);
  }
}

function closedError(): CacheClosedError {
  return new CacheClosedError('The lock provider has been closed.');
}
