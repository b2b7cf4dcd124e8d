/**
 * The little of a ZooKeeper client that the lock needs. The `zookeeper` package is behind it (native-zk-client.ts); unit tests put a fake there, to stage
 * replies that a real server gives once in a year.
 */

/** Return codes, as the C client numbers them. */
export const ZkCode = {
  ok: 0,
  connectionLoss: -4,
  operationTimeout: -7,
  badArguments: -8,
  invalidState: -9,
  noNode: -101,
  noAuth: -102,
  nodeExists: -110,
  sessionExpired: -112,
  /** As a `closed` event: the session state "authentication failed". */
  authFailedState: -113,
  authFailed: -115,
  closing: -116,
  sessionMoved: -118,
} as const;

const UNKNOWN_OUTCOME: ReadonlySet<number> = new Set([
  ZkCode.connectionLoss,
  ZkCode.operationTimeout,
  ZkCode.invalidState,
  ZkCode.sessionExpired,
  ZkCode.closing,
  ZkCode.sessionMoved,
]);

/** True when a code does not say whether the server did what it was asked: the question has to be asked again, on a live connection. */
export function isUnknownOutcome(code: number): boolean {
  return UNKNOWN_OUTCOME.has(code);
}

/** True when a code can only come from a server that holds our session, so that it proves contact. */
export function isServersAnswer(code: number): boolean {
  return code === ZkCode.ok || (code <= -100 && !isUnknownOutcome(code) && code !== ZkCode.authFailed);
}

export interface ZkNode {
  /** The session that an ephemeral node belongs to, hexadecimal; `'0'` for a persistent one. */
  readonly owner: string;
  /** The transaction that created it: grows with every change anywhere in the ensemble. */
  readonly czxid: bigint;
  readonly data: string;
}

export interface ZkGetReply {
  readonly code: number;
  /** Present when the code is 0. */
  readonly node?: ZkNode;
}

/** What proves to the servers that a new connection continues an old session. */
export interface ZkSessionCredentials {
  readonly sessionId: string;
  readonly password: string;
}

/** Credentials that a session shows to the servers. */
export interface ZkAuth {
  /** The only scheme there is. */
  readonly scheme: 'digest';
  /** `user:password` */
  readonly credentials: string;
}

export interface ZkClientConfig {
  /** Addresses, never names: the C client would resolve names, blocking, at every I/O event. */
  readonly servers: string;
  readonly sessionTimeoutMs: number;
  readonly resume?: ZkSessionCredentials;
  /** Given to the servers before the first operation of every connection. */
  readonly auth?: ZkAuth;
  readonly logLevel: number;
  readonly onConnected: () => void;
  readonly onDisconnected: () => void;
  /** The client is dead and will never work again; `code` is `sessionExpired` or `authFailedState`. */
  readonly onClosed: (code: number) => void;
  readonly onDeleted: (path: string) => void;
  readonly onChanged: (path: string) => void;
}

/** One native client object. Operations never reject: they resolve to a code. After `abandon` or `close` it is silent. */
export interface ZkClientPort {
  readonly isConnected: boolean;
  /** True when it neither is connected nor tries to be: the C client then waits for a third of the session timeout. */
  readonly isIdle: boolean;
  /** Of the session; meaningful once connected. */
  readonly session: ZkSessionCredentials;
  /** As negotiated with the server, which clamps what was asked for. */
  readonly sessionTimeoutMs: number;

  createEphemeral(path: string, data: string): Promise<number>;
  createPersistent(path: string): Promise<number>;
  /** With `watch`, a change or the removal of the node is told once by `onDeleted` or `onChanged`. A node that is not there gets no watch. */
  get(path: string, watch: boolean): Promise<ZkGetReply>;
  remove(path: string): Promise<number>;
  sync(path: string): Promise<number>;
  /** Makes a node ours alone: only who gives the same `auth` may create or delete below it. */
  protect(path: string): Promise<number>;

  /** Drops the connection and leaves the session alive. Does nothing and returns false when it is connected. */
  abandon(): boolean;
  /** Ends the session, and with it every ephemeral node, when connected; else drops it. Never rejects. */
  close(): Promise<void>;
}

/** Makes a client and begins to connect it. Rejects when the client can't be had at all. */
export type OpenZkClient = (config: ZkClientConfig) => Promise<ZkClientPort>;
