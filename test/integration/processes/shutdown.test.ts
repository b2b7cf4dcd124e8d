import { fork, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { get as httpGet } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createClient } from 'redis';
import { afterEach, beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest';
import { locksOf, Operator } from '../locks/zookeeper/stage.js';

const FIXTURE = fileURLToPath(new URL('../../support/process/http-instance.mjs', import.meta.url));
/** With all keys cold again after 200 ms, nearly each of them is a load, and locks are held all the time. */
const REQUESTS_A_SECOND = 100;
const KEYS = 40;

interface Message {
  readonly event?: string;
  readonly key?: string;
  readonly unhandled?: string;
}

/** An application in a process of its own that answers requests. */
class HttpProcess {
  readonly events: string[] = [];
  readonly exit: Promise<[number | null, NodeJS.Signals | null]>;
  private constructor(
    readonly child: ChildProcess,
    readonly port: number,
  ) {
    this.exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    child.on('message', ({ event, unhandled }: Message) => this.events.push(event ?? `unhandled ${unhandled ?? ''}`));
  }

  static async start(settings: object): Promise<HttpProcess> {
    const child = fork(FIXTURE, [JSON.stringify(settings)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const [message] = (await once(child, 'message')) as [Message];
    return new HttpProcess(child, Number(message.key));
  }
}

interface Reply {
  readonly status: number;
  readonly body: { readonly id: string; readonly afterTheSignal: boolean };
}

/**
 * On a connection of its own. Rejects when there is no answer: then, and only then, a balancer may ask another instance. That it was not one that the process had begun to answer, the process tells.
 */
function ask(port: number, path: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpGet({ port, path, host: '127.0.0.1', agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('error', () => {
        resolve({ status: -1, body: { id: 'cut off', afterTheSignal: false } });
      });
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Reply['body'] });
      });
    });
    request.on('error', reject);
  });
}

let namespace: string;
let processes: HttpProcess[];
beforeEach(() => {
  namespace = `shutdown-${randomUUID()}`;
  processes = [];
});
afterEach(async () => {
  for (const { child, exit } of processes) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await exit;
  }
});

async function start(settings: object): Promise<HttpProcess> {
  const started = await HttpProcess.start({ namespace, redisUrl: inject('redisUrl'), loadMs: 60, ...settings });
  processes.push(started);
  return started;
}

/** Looks for locks that somebody holds, as an operator would. */
const WATCHERS = {
  ZooKeeper: async (): Promise<() => Promise<string[]>> => {
    const operator = await Operator.connect(inject('zooKeeperConnect'));
    return () => operator.children(locksOf(namespace));
  },
  Redis: async (): Promise<() => Promise<string[]>> => {
    const client = await createClient({ url: inject('redisUrl') }).connect();
    onTestFinished(() => {
      client.destroy();
    });
    // One that nobody holds remembers its fencing token for a while.
    const owned = async (key: string): Promise<string[]> => ((await client.hGet(key, 'owner')) === null ? [] : [key]);
    return async () => (await Promise.all((await client.keys(`${namespace}:lock*`)).map(owned))).flat();
  },
};

describe.each(Object.entries(WATCHERS))('SIGTERM under load, with locks in %s', (service, watcher) => {
  const settings = () => (service === 'ZooKeeper' ? { zooKeeperConnect: inject('zooKeeperConnect') } : {});

  it('loses no request and leaves no lock', { timeout: 180_000 }, async () => {
    const held = await watcher();
    const [leaving, staying] = await Promise.all([start({ ...settings(), drains: true }), start(settings())]);
    const replies: (Reply & { readonly by: HttpProcess })[] = [];
    const requests: Promise<void>[] = [];
    const stop = new AbortController();
    /** As a balancer does: in turn, and where nobody answers the other one is asked. */
    const request = async (count: number): Promise<void> => {
      const order = count % 2 === 0 ? [leaving, staying] : [staying, leaving];
      for (const by of order) {
        const reply = await ask(by.port, `/items/${String(count % KEYS)}`).catch(() => undefined);
        if (reply === undefined) continue;
        replies.push({ ...reply, by });
        return;
      }
      replies.push({ status: 0, body: { id: 'nobody answered', afterTheSignal: false }, by: staying });
    };
    const load = (async () => {
      for (let count = 0; !stop.signal.aborted; count++) {
        requests.push(request(count));
        await sleep(1_000 / REQUESTS_A_SECOND);
      }
    })();

    await expect.poll(() => replies.length, { timeout: 60_000 }).toBeGreaterThan(REQUESTS_A_SECOND);
    // A held lock is a lock that the test would see.
    await expect.poll(held, { timeout: 60_000, interval: 5 }).not.toEqual([]);
    leaving.child.kill('SIGTERM');
    expect(await leaving.exit).toEqual([null, 'SIGTERM']);
    const whenGone = replies.length;
    await expect.poll(() => replies.length, { timeout: 60_000 }).toBeGreaterThan(whenGone + REQUESTS_A_SECOND);
    stop.abort();
    await load;
    await Promise.all(requests);

    expect(replies.filter(({ status }) => status !== 200)).toEqual([]);
    expect(replies).toHaveLength(requests.length);
    // It went on to load what was asked of it.
    expect(replies.some(({ by, body }) => by === leaving && body.afterTheSignal)).toBe(true);
    staying.child.kill('SIGTERM');
    await staying.exit;
    expect(await held()).toEqual([]);
    expect([...leaving.events, ...staying.events]).toEqual(['ending', 'ending']);
  });

  it('ends a load that nobody’s request waits for, when its time is over, and gives its lock back', async () => {
    const held = await watcher();
    const app = await start({ ...settings(), consumes: true, options: { shutdownTimeoutMs: 300 } });
    await expect.poll(held, { timeout: 60_000 }).toHaveLength(1);
    app.child.kill('SIGTERM');
    expect(await app.exit).toEqual([null, 'SIGTERM']);
    expect(await held()).toEqual([]);
    expect(app.events).toEqual(['ending', 'ERR_CACHE_CLOSED']);
  });
});
