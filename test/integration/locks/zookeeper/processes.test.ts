import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { startZooKeeper } from '../../../../servers/index.js';
import { makePlainCopy, type PlainCopy } from './plain-copy.js';
import { Operator, acquire, findBusy, freshNamespace, locksOf, openProvider, PATIENCE_MS } from './stage.js';

const connectString = inject('zooKeeperConnect');

interface Ended {
  readonly code: number | null;
  readonly told: readonly Record<string, unknown>[];
  /** What was written to stdout and stderr. */
  readonly written: string;
}

let complete: PlainCopy;
let bare: PlainCopy;

beforeAll(() => {
  complete = makePlainCopy({ withPackages: true });
  bare = makePlainCopy({ withPackages: false });
});
afterAll(() => {
  complete.remove();
  bare.remove();
});

function start(
  { directory }: PlainCopy,
  task: string,
  connect: string,
  namespace: string,
  ...more: readonly string[]
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [join(directory, 'process.fixture.mjs'), task, connect, namespace, ...more], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  let told = '';
  let written = '';
  child.stdio[3]?.on('data', (data: Buffer) => (told += data.toString('utf8')));
  child.stdout?.on('data', (data: Buffer) => (written += data.toString('utf8')));
  child.stderr?.on('data', (data: Buffer) => (written += data.toString('utf8')));
  const ended = once(child, 'close').then(([code]) => ({
    code: code as number | null,
    told: told
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>),
    written,
  }));
  return { child, ended };
}

describe('a process of its own', () => {
  it('ends by itself after close, and nothing was written to stdout or stderr', async () => {
    const namespace = freshNamespace();
    const { code, told, written } = await start(complete, 'use-and-close', connectString, namespace).ended;
    expect({ code, written }).toEqual({ code: 0, written: '' });
    expect(told).toContainEqual({ acquired: true, busy: true });
    expect(told.at(-1)).toEqual({ done: true });
    const operator = await Operator.connect(connectString);
    expect(await operator.children(locksOf(namespace))).toEqual([]);
  });

  it('that exits right after close leaves no session, and so no lock, behind', async () => {
    const namespace = freshNamespace();
    const { code, told } = await start(complete, 'close-and-exit', connectString, namespace).ended;
    expect(code).toBe(0);
    expect(told).toContainEqual({ acquired: true });
    const operator = await Operator.connect(connectString);
    expect(await operator.children(locksOf(namespace))).toEqual([]);
  });

  it('that is killed frees its lock with its session, and wakes who waits', async () => {
    const namespace = freshNamespace();
    const { child, ended } = start(complete, 'hold', connectString, namespace);
    await new Promise<void>((resolve) => {
      child.stdio[3]?.on('data', (data: Buffer) => {
        if (data.toString('utf8').includes('acquired')) resolve();
      });
    });
    const { provider } = await openProvider({ connectString }, { namespace });
    const waiting = (await findBusy(provider, 'k')).wait({ timeoutMs: PATIENCE_MS });
    child.kill('SIGKILL');
    expect(await waiting).toBe('vanished');
    await (await acquire(provider, 'k')).release();
    await ended;
  });

  it('whose server dies between an answer and the next question lives on', async () => {
    const server = await startZooKeeper();
    try {
      const pid = String(server.pid);
      const { code, told } = await start(complete, 'asks-the-dead', server.connectString, freshNamespace(), pid).ended;
      expect({ code, last: told.at(-1) }).toEqual({ code: 0, last: { done: true } });
      expect(told).toContainEqual({ refused: Array.from({ length: 3 }, () => 'LockUnavailableError') });
    } finally {
      await server.stop();
    }
  });

  it('that opens a client in the callback in which another has lost its connection lives on', async () => {
    const { code, told } = await start(complete, 'opens-in-the-callback', connectString, freshNamespace()).ended;
    expect({ code, told }).toEqual({ code: 0, told: [{ done: true }] });
  });

  it('that finds no server says so, quietly, and ends', async () => {
    // Port 1 answers nobody.
    const { code, told, written } = await start(complete, 'never-there', '127.0.0.1:1', freshNamespace()).ended;
    expect({ code, written }).toEqual({ code: 0, written: '' });
    expect(told).toContainEqual({
      name: 'LockUnavailableError',
      message:
        'No answer about a lock within 500 ms: ZooKeeper at 127.0.0.1:1 is connecting; last error: no server accepts a connection.',
    });
    expect(told.at(-1)).toEqual({ done: true });
  });

  it('without the zookeeper package goes on, with one event and an error that says what to do', async () => {
    const { code, told, written } = await start(bare, 'never-there', connectString, freshNamespace()).ended;
    expect({ code, written }).toEqual({ code: 0, written: '' });
    const cures =
      /'zookeeper', which is not installed.*npm rebuild zookeeper.*"allowScripts".*redisLock\(\) or inProcessLock\(\)/;
    expect(told).toEqual([
      { state: 'connecting' },
      { state: 'lost', error: expect.stringMatching(cures) as unknown },
      { name: 'LockUnavailableError', message: expect.stringMatching(cures) as unknown },
      { state: 'closed' },
      { done: true },
    ]);
  });

  it('is refused in a worker thread', async () => {
    const { code, told } = await start(complete, 'worker', connectString, freshNamespace()).ended;
    expect(code).toBe(0);
    expect(told).toEqual([
      { name: 'InvalidOptionsError', message: expect.stringContaining('must be used in the main thread') as unknown },
    ]);
  });
});
