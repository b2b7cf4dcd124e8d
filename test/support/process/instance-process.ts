import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Outcome } from '../../../lib/core/load-request.js';

const FIXTURE = fileURLToPath(new URL('./instance.mjs', import.meta.url));

export interface InstanceSettings {
  readonly namespace: string;
  readonly redisUrl: string;
  readonly zooKeeperConnect: string;
  readonly postgresUrl: string;
  readonly sessionTimeoutMs: number;
  /** A sample of the documentation that makes the client for store and lock, and its package; left out: a URL. */
  readonly redisSample?: { readonly source: string; readonly package: 'redis' | 'ioredis' };
  /** Default: ZooKeeper. */
  readonly lock?: 'redis';
  /** More options of `zooKeeperLock()`: plain JSON. */
  readonly zooKeeper?: Readonly<Record<string, unknown>>;
  /** More options of the module: plain JSON. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** How the loader of a call behaves; see the fixture. */
export interface LoaderPlan {
  readonly queryMs?: number;
  /** The number of an advisory lock; while the test holds it the loader does not finish. */
  readonly gate?: number;
  /** It reads these rows instead of the one that the key names, and returns a list of them. */
  readonly list?: readonly string[];
}

export interface Row {
  readonly value: string;
  readonly version: string;
}

export interface LoadAnswer {
  readonly value: Row | null;
  readonly outcome: Outcome;
}

interface Message {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly name: string; readonly message: string };
  readonly event?: string;
  readonly key?: string;
  readonly unhandled?: string;
}

/** Deadlines that a loaded machine does not meet by accident: what happens when they are met is other tests' subject. */
export const PATIENT = { storeTimeoutMs: 30_000, lockTimeoutMs: 30_000, loadTimeoutMs: 90_000, floorMs: 120_000 };

/** What tells that a part was away, and that one load a key was therefore not promised. */
export const DEGRADED = ['lock-unavailable', 'lock-lost', 'store-unavailable', 'wait-timeout'];

/** One instance of an application in an operating-system process of its own. */
export class InstanceProcess {
  private readonly pending = new Map<number, (message: Message) => void>();
  private readonly watches = new Set<() => void>();
  private readonly heard: string[] = [];
  readonly unhandled: string[] = [];
  private ids = 0;

  protected constructor(private readonly child: ChildProcess) {
    child.on('message', (message: Message) => {
      this.hear(message);
    });
    child.once('exit', () => {
      for (const answer of this.pending.values()) answer({ error: { name: 'Exit', message: 'the process ended' } });
    });
  }

  static async start(settings: InstanceSettings): Promise<InstanceProcess> {
    const child = fork(FIXTURE, [JSON.stringify(settings)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const instance = new InstanceProcess(child);
    await instance.until('ready');
    return instance;
  }

  load(
    key: string,
    more: { callers?: number; loader?: LoaderPlan; policy?: Record<string, unknown> } = {},
  ): Promise<LoadAnswer[]> {
    return this.ask('load', { key, ...more });
  }

  get(key: string): Promise<Row | null> {
    return this.ask('get', { key });
  }

  invalidate(key: string, version?: number): Promise<void> {
    return this.ask('invalidate', { key, version });
  }

  /** A list of rows, with the tags of each. */
  async loadList(key: string, list: readonly string[], policy: Record<string, unknown> = {}): Promise<Row[]> {
    const [answer] = await this.load(key, { loader: { list }, policy: { tags: list, ...policy } });
    return answer?.value as unknown as Row[];
  }

  invalidateTags(tags: readonly string[]): Promise<void> {
    return this.ask('invalidateTags', { tags });
  }

  /**
   * Its next step of the store stops there: `before register tag:42`, or with its reply `after register tag:42`. Resolves with what waits until it has come there, and what lets it go on.
   */
  async stop(at: string): Promise<{ readonly arrived: () => Promise<void>; readonly goOn: () => Promise<void> }> {
    await this.ask('stop', { at });
    return { arrived: () => this.until(at), goOn: () => this.ask('goOn', { at }) };
  }

  /** The events since the last time they were taken. */
  events(): Promise<{ type: string; key?: string; reason?: string; under?: string; because?: string }[]> {
    return this.ask('events', {});
  }

  /** Resolves when an event of that type has been heard `times` times since the last `forget()`. */
  until(type: string, times = 1): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.heard.filter((each) => each === type).length < times) return;
        this.watches.delete(look);
        resolve();
      };
      this.watches.add(look);
      look();
    });
  }

  forget(): void {
    this.heard.length = 0;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }

  /** Ends it as an application ends. Resolves with its exit code, once the process is gone by itself. */
  async close(): Promise<number | null> {
    const exit = once(this.child, 'exit');
    await this.ask('close', {});
    this.child.disconnect();
    const [code] = (await exit) as [number | null];
    return code;
  }

  protected ask<T>(command: string, rest: object): Promise<T> {
    const id = ++this.ids;
    return new Promise<T>((resolve, reject) => {
      this.pending.set(id, ({ result, error }) => {
        this.pending.delete(id);
        if (error === undefined) resolve(result as T);
        else reject(Object.assign(new Error(error.message), { name: error.name }));
      });
      this.child.send({ id, command, ...rest });
    });
  }

  private hear(message: Message): void {
    if (message.id !== undefined) this.pending.get(message.id)?.(message);
    if (message.unhandled !== undefined) this.unhandled.push(message.unhandled);
    if (message.event === undefined) return;
    this.heard.push(message.event);
    for (const look of [...this.watches]) look();
  }
}
