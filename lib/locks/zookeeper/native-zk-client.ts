import { LockUnavailableError } from '../../core/errors.js';
import { ZkCode } from './zk-client-port.js';
import type { OpenZkClient, ZkClientConfig, ZkClientPort, ZkGetReply, ZkSessionCredentials } from './zk-client-port.js';

/** What of `Stat` we read. Its own typings call `ephemeralOwner` a number; it is the session in hexadecimal. */
interface NativeStat {
  readonly ephemeralOwner: string;
  readonly czxid: number;
}

type Done = (code: number, text: string) => void;

/**
 * The slice of the `zookeeper` package that we call. The `a_*` methods give numeric codes (the promises give texts only); a negative return value means that the
 * callback will never be called. Never used: `aw_*`, whose closures are never freed, and `exists` with a watch, which leaves one behind on a missing node.
 */
interface NativeZooKeeper extends NativeOperations {
  /** The C client itself. The package puts a method of its own before each operation, which writes down all arguments for a log that is off. */
  readonly native?: NativeOperations;
  readonly state: number;
  readonly timeout: number;
  readonly client_id: string;
  readonly client_password: string;
  init(config: object): unknown;
  close(): unknown;
  on(event: string, listener: (native: unknown, detail: unknown) => void): unknown;
  removeAllListeners(): unknown;
  add_auth(scheme: string, credentials: string, done: Done): number;
  /** This one translates the list first. */
  a_set_acl(path: string, version: number, acl: readonly object[], done: Done): number;
}

interface NativeOperations {
  a_create(path: string, data: string, flags: number, done: Done): number;
  a_get(
    path: string,
    watch: boolean,
    done: (code: number, text: string, stat: NativeStat | null, data: Uint8Array | string | null) => void,
  ): number;
  a_delete_(path: string, version: number, done: Done): number;
  a_sync(path: string, done: Done): number;
}

type NativeConstructor = new (config: object) => NativeZooKeeper;

const STATE_CONNECTING = 1;
const STATE_ASSOCIATING = 2;
const STATE_CONNECTED = 3;
const EPHEMERAL = 1;
const PERSISTENT = 0;
const ANY_VERSION = -1;
const ALL_PERMISSIONS = 31;
/** The binding takes a reply that needs more reads than this for the end of the session. Its own default is 10. */
const RESPONSE_COUNTER_LIMIT = 1_000;

class NativeZkClient implements ZkClientPort {
  readonly #native: NativeZooKeeper;
  readonly #operations: NativeOperations;
  /** Operations without an answer; dropped with the client, whatever the C client does with their callbacks. */
  readonly #unanswered = new Set<() => void>();

  constructor(native: NativeZooKeeper, config: ZkClientConfig) {
    this.#native = native;
    this.#operations = native.native ?? native;
    native.on('connect', config.onConnected);
    native.on('connecting', config.onDisconnected);
    native.on('close', (_native, code) => {
      this.#forget();
      config.onClosed(Number(code));
    });
    // The first argument is the native handle; the path comes second.
    native.on('deleted', (_native, path) => {
      config.onDeleted(String(path));
    });
    native.on('changed', (_native, path) => {
      config.onChanged(String(path));
    });
    native.init({});
    // Before the first connection, so that it travels ahead of every operation, and by itself again after each reconnection.
    if (config.auth) native.add_auth(config.auth.scheme, config.auth.credentials, () => undefined);
  }

  get isConnected(): boolean {
    return this.#native.state === STATE_CONNECTED;
  }

  get isIdle(): boolean {
    const state = this.#native.state;
    return state !== STATE_CONNECTED && state !== STATE_CONNECTING && state !== STATE_ASSOCIATING;
  }

  get session(): ZkSessionCredentials {
    return { sessionId: this.#native.client_id, password: this.#native.client_password };
  }

  get sessionTimeoutMs(): number {
    return this.#native.timeout;
  }

  createEphemeral(path: string, data: string): Promise<number> {
    return this.#code((done) => this.#operations.a_create(path, data, EPHEMERAL, done));
  }

  createPersistent(path: string): Promise<number> {
    return this.#code((done) => this.#operations.a_create(path, '', PERSISTENT, done));
  }

  get(path: string, watch: boolean): Promise<ZkGetReply> {
    return this.#ask<ZkGetReply>(
      (code) => ({ code }),
      (settle) =>
        this.#operations.a_get(path, watch, (code, _text, stat, data) => {
          if (code !== ZkCode.ok || stat === null) {
            settle({ code });
            return;
          }
          const text = data === null ? '' : Buffer.from(data as Uint8Array).toString('utf8');
          settle({ code, node: { owner: stat.ephemeralOwner, czxid: BigInt(stat.czxid), data: text } });
        }),
    );
  }

  remove(path: string): Promise<number> {
    return this.#code((done) => this.#operations.a_delete_(path, ANY_VERSION, done));
  }

  sync(path: string): Promise<number> {
    return this.#code((done) => this.#operations.a_sync(path, done));
  }

  protect(path: string): Promise<number> {
    const ours = [{ perms: ALL_PERMISSIONS, scheme: 'auth', auth: '' }];
    return this.#code((done) => this.#native.a_set_acl(path, ANY_VERSION, ours, done));
  }

  abandon(): boolean {
    if (this.isConnected) return false;
    this.#native.removeAllListeners();
    this.#native.close();
    this.#forget();
    return true;
  }

  async close(): Promise<void> {
    this.#native.removeAllListeners();
    // In a callback of the C client, and after an await of one, a close is put off, and lost if the process exits then: so on a fresh stack,
    // and one more turn of the loop for what it had to send.
    await nextTurn();
    this.#native.close();
    this.#forget();
    await nextTurn();
  }

  #forget(): void {
    for (const drop of [...this.#unanswered]) drop();
  }

  #code(send: (done: Done) => number): Promise<number> {
    return this.#ask<number>((code) => code, send);
  }

  #ask<Reply>(failed: (code: number) => Reply, send: (settle: (reply: Reply) => void) => number): Promise<Reply> {
    return new Promise<Reply>((resolve) => {
      const drop = (): void => {
        settle(failed(ZkCode.closing));
      };
      const settle = (reply: Reply): void => {
        this.#unanswered.delete(drop);
        resolve(reply);
      };
      this.#unanswered.add(drop);
      const sent = send(settle);
      if (sent < 0) settle(failed(sent));
      // 1. An answer arrived, and the event loop will ask the system, in its next turn, to watch the connection again; 2. the connection is dead; 3. this send notices, and
      // the C client closes the socket; 4. the loop turns, the system knows no such socket, and the loop aborts the process. A client closed in between is off the loop.
      if (!this.isConnected) this.abandon();
    });
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** A variable, so that neither the compiler nor a bundler wants the package to be there. */
const PACKAGE = 'zookeeper';

async function loadNative(): Promise<NativeConstructor> {
  let loaded: unknown;
  try {
    loaded = await import(PACKAGE);
  } catch (error) {
    throw new LockUnavailableError(explainMissing(error), { cause: error });
  }
  return (loaded as { default: NativeConstructor }).default;
}

/** Opens clients of the `zookeeper` package, which is loaded by the first of them. */
export const openNativeZkClient: OpenZkClient = async (config) => {
  const Native = await loadNative();
  // Never in a callback of another client, nor in what follows one without a turn of the loop: 1. the C client finds its connection dead, closes the socket, and says so; 2. a successor is opened in that
  // callback, and its socket gets the same number; 3. the event loop still watches the dead one under that number, refuses the new watcher, and the binding, which does not look, starts it: the process aborts.
  await nextTurn();
  const native = new Native({
    connect: config.servers,
    timeout: config.sessionTimeoutMs,
    debug_level: config.logLevel,
    host_order_deterministic: false,
    response_counter_limit: RESPONSE_COUNTER_LIMIT,
    ...(config.resume && { client_id: config.resume.sessionId, client_password: config.resume.password }),
  });
  return new NativeZkClient(native, config);
};

/** Says why the `zookeeper` package did not load, and what helps. */
function explainMissing(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const notInstalled = (error as { code?: unknown } | null)?.code === 'ERR_MODULE_NOT_FOUND';
  const what = notInstalled
    ? "zooKeeperLock() needs the package 'zookeeper', which is not installed (it is an optional dependency: npm leaves it out when its build fails)."
    : `zooKeeperLock() needs the package 'zookeeper', which is installed but does not load: ${text.split('\n')[0] ?? ''}`;
  return (
    `${what} Install it with python3, make and a C compiler at hand ("npm install zookeeper"); after a change of the Node version, run "npm rebuild zookeeper"; ` +
    'if your npm or pnpm skips install scripts, allow this one in your package.json ("allowScripts": { "zookeeper": true }; pnpm: "onlyBuiltDependencies"). ' +
    'Or use redisLock() or inProcessLock() instead.'
  );
}
