import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { CacheEvent } from '../../../../lib/core/cache-event.js';
import { systemClock } from '../../../../lib/core/clock.js';
import type { BusyLock, HeldLock, LockProvider, LockState } from '../../../../lib/core/lock-provider.js';
import { zooKeeperLock } from '../../../../lib/locks/zookeeper/zoo-keeper-lock.js';
import type { TcpProxy } from '../../../support/tcp-proxy.js';
import type { ZooKeeperLockOptions } from '../../../../lib/locks/zookeeper/zoo-keeper-lock-options.js';

/** No step of a healthy system takes that long, however loaded the machine is. */
export const PATIENCE_MS = 30_000;

export interface Opened {
  readonly provider: LockProvider;
  /** Every event so far, oldest first. */
  readonly events: CacheEvent[];
}

export function freshNamespace(): string {
  return `t-${randomUUID()}`;
}

/** A provider as a process would have it. Closed when the test ends. */
export async function openProvider(
  options: ZooKeeperLockOptions,
  {
    namespace,
    lockTimeoutMs = 10_000,
    via,
  }: { readonly namespace: string; readonly lockTimeoutMs?: number; readonly via?: TcpProxy },
): Promise<Opened> {
  const events: CacheEvent[] = [];
  const provider = await zooKeeperLock(options).createLockProvider({
    namespace,
    clock: systemClock,
    storeTimeoutMs: 1_000,
    lockTimeoutMs,
    report: (event) => events.push(event),
  });
  onTestFinished(async () => {
    // The client waits for the server's farewell without letting go of the event loop, and a proxy in the same process could not pass it on.
    via?.refuse();
    await until('the connection to break', () => !via || provider.state !== 'connected');
    await provider.close();
  });
  return { provider, events };
}

export async function acquire(provider: LockProvider, key: string): Promise<HeldLock> {
  const lock = await provider.tryAcquire(key, { timeoutMs: PATIENCE_MS });
  if (!lock.acquired) throw new Error(`expected to get the lock of ${key}, but it is busy`);
  return lock;
}

export async function findBusy(provider: LockProvider, key: string): Promise<BusyLock> {
  const lock = await provider.tryAcquire(key, { timeoutMs: PATIENCE_MS });
  if (lock.acquired) throw new Error(`expected the lock of ${key} to be busy, but got it`);
  return lock;
}

export async function acquireSoon(provider: LockProvider, key: string): Promise<HeldLock> {
  for (;;) {
    const lock = await provider.tryAcquire(key, { timeoutMs: PATIENCE_MS });
    if (lock.acquired) return lock;
    await lock.wait({ timeoutMs: PATIENCE_MS });
  }
}

/** Waits for a condition, never for time. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for: ${what}`);
    await delay(10);
  }
}

export function untilState(provider: LockProvider, state: LockState): Promise<void> {
  return until(`state ${state}`, () => provider.state === state);
}

export async function fires(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

export function statesOf(events: readonly CacheEvent[]): LockState[] {
  return events.flatMap((event) => (event.type === 'lock-state' ? [event.state] : []));
}

/** A four-letter command. */
export async function fourLetters(connectString: string, command: string): Promise<string> {
  const [host = '', port] = connectString.split(':');
  const socket = connect({ host, port: Number(port) });
  let answer = '';
  socket.on('data', (data) => (answer += data.toString('utf8')));
  socket.setTimeout(5_000, () => socket.destroy());
  socket.write(command);
  await once(socket, 'close');
  return answer;
}

/** What the servers have done so far: their own counters. */
export async function operationCounts(
  connectString: string,
): Promise<{ readonly reads: number; readonly writes: number }> {
  const text = await fourLetters(connectString, 'mntr');
  const count = (name: string): number => Number(new RegExp(`^${name}\\s+(\\d+)`, 'm').exec(text)?.[1]);
  return { reads: count('zk_cnt_readlatency'), writes: count('zk_cnt_updatelatency') };
}

type Callback<T extends unknown[]> = (error: unknown, ...results: T) => void;

interface RawZooKeeper {
  connect(options: object, done: Callback<[]>): void;
  add_auth(scheme: string, credentials: string, done: (code: number) => void): void;
  a_create(path: string, data: string, flags: number, done: (code: number) => void): void;
  a_delete_(path: string, version: number, done: (code: number) => void): void;
  a_set(path: string, data: string, version: number, done: (code: number) => void): void;
  a_get_children(
    path: string,
    watch: boolean,
    done: (code: number, text: string, names: string[] | null) => void,
  ): void;
  a_get_acl(
    path: string,
    done: (code: number, text: string, acl: { perms: number; scheme: string }[] | null) => void,
  ): void;
  close(): void;
}

/** An operator with a client of their own. */
export class Operator {
  readonly #raw: RawZooKeeper;

  private constructor(raw: RawZooKeeper) {
    this.#raw = raw;
  }

  static async connect(connectString: string): Promise<Operator> {
    const Raw = createRequire(import.meta.url)('zookeeper') as new (config: object) => RawZooKeeper;
    const raw = new Raw({ connect: connectString, timeout: 30_000 });
    await new Promise<void>((resolve, reject) => {
      raw.connect({}, (error) => {
        if (error) reject(new Error('the operator cannot connect', { cause: error }));
        else resolve();
      });
    });
    await delay(0);
    onTestFinished(() => {
      raw.close();
    });
    return new Operator(raw);
  }

  async children(path: string): Promise<string[]> {
    return new Promise((resolve) => {
      this.#raw.a_get_children(path, false, (_code, _text, names) => {
        resolve(names ?? []);
      });
    });
  }

  create(path: string, data = '', ephemeral = false): Promise<number> {
    return new Promise((resolve) => {
      this.#raw.a_create(path, data, ephemeral ? 1 : 0, resolve);
    });
  }

  remove(path: string): Promise<number> {
    return new Promise((resolve) => {
      this.#raw.a_delete_(path, -1, resolve);
    });
  }

  set(path: string, data: string): Promise<number> {
    return new Promise((resolve) => {
      this.#raw.a_set(path, data, -1, resolve);
    });
  }

  /** Travels with the next operation: the C client alone would send it at its next timer. */
  addAuth(credentials: string): void {
    this.#raw.add_auth('digest', credentials, () => undefined);
  }

  acl(path: string): Promise<readonly { perms: number; scheme: string }[]> {
    return new Promise((resolve) => {
      this.#raw.a_get_acl(path, (_code, _text, acl) => {
        resolve(acl ?? []);
      });
    });
  }
}

export function locksOf(namespace: string, root = '/nest-cache'): string {
  return `${root}/${namespace}/locks`;
}
