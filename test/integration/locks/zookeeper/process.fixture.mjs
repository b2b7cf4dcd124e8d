// One process, without a test runner: its first argument says what it does, the second where ZooKeeper is. What it tells goes through the file descriptor 3, so that
// whatever appears on stdout or stderr was written by somebody else.
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { systemClock } from './lib/core/clock.js';
import { openNativeZkClient } from './lib/locks/zookeeper/native-zk-client.js';
import { zooKeeperLock } from './lib/locks/zookeeper/zoo-keeper-lock.js';

const [task, connectString, namespace, serverPid] = isMainThread ? process.argv.slice(2) : workerData;

function tell(message) {
  writeSync(3, `${JSON.stringify(message)}\n`);
}

function open(options) {
  const report = (event) => tell({ state: event.state, error: event.error?.message });
  const context = { namespace, clock: systemClock, storeTimeoutMs: 1_000, lockTimeoutMs: 10_000, report };
  return zooKeeperLock({ connectString, sessionTimeoutMs: 60_000, ...options }).createLockProvider(context);
}

/** Whether the client has got to know more than that it is still trying. */
function foundOut({ message }) {
  return !message.endsWith(' is connecting.');
}

const tasks = {
  /** Uses many locks, closes, and must then end by itself. */
  async 'use-and-close'() {
    const provider = open();
    const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
    const held = await Promise.all(keys.map((key) => provider.tryAcquire(key, { timeoutMs: 30_000 })));
    await Promise.all(held.slice(1).map((lock) => lock.release()));
    const busy = await provider.tryAcquire('k0', { timeoutMs: 30_000 });
    tell({ acquired: held.every((lock) => lock.acquired), busy: !busy.acquired });
    await provider.close();
    tell({ done: true });
  },
  /** Closes in the very stack of a native callback, and leaves at once. */
  async 'close-and-exit'() {
    const provider = open();
    const held = await provider.tryAcquire('k', { timeoutMs: 30_000 });
    tell({ acquired: held.acquired });
    await provider.close();
    process.exit(0);
  },
  /** Holds a lock until it is killed. */
  async hold() {
    const held = await open({ sessionTimeoutMs: 2_000 }).tryAcquire('k', { timeoutMs: 30_000 });
    tell({ acquired: held.acquired });
  },
  /** 1. The connection dies; 2. in the callback that says so a successor is opened, whose socket gets the number of the dead one, which the event loop still watches. */
  async 'opens-in-the-callback'() {
    const [host, port] = connectString.split(':');
    const near = new Set();
    const relay = createServer((socket) => {
      const far = connect(Number(port), host);
      for (const side of [socket, far]) side.on('error', () => undefined);
      near.add(socket);
      socket.pipe(far).pipe(socket);
    }).listen(0, '127.0.0.1');
    await once(relay, 'listening');
    const silent = () => undefined;
    const open = (onConnected, onDisconnected) =>
      openNativeZkClient({
        servers: `127.0.0.1:${relay.address().port}`,
        sessionTimeoutMs: 60_000,
        logLevel: 0,
        ...{ onConnected, onDisconnected, onClosed: silent, onDeleted: silent, onChanged: silent },
      });
    await new Promise((resolve) => {
      const cut = () => setImmediate(() => near.forEach((socket) => socket.destroy()));
      const succeed = () => void open(resolve, silent);
      void open(cut, succeed);
    });
    tell({ done: true });
    process.exit(0);
  },
  /**
   * 1. An answer has arrived, and the event loop is about to watch the connection again. 2. The server is gone. 3. Before the loop turns, more is asked: sending
   * finds the connection dead, and the C client closes its socket.
   */
  async 'asks-the-dead'() {
    const provider = open();
    await provider.tryAcquire('k', { timeoutMs: 30_000 });
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    process.kill(Number(serverPid), 'SIGKILL');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    const attempts = ['l', 'm', 'n'].map((key) => provider.tryAcquire(key, { timeoutMs: 500 }));
    const outcomes = await Promise.allSettled(attempts);
    tell({ refused: outcomes.map(({ reason }) => reason?.name) });
    await provider.close();
    tell({ done: true });
  },
  async 'never-there'() {
    const provider = open();
    let error;
    // An attempt may end before the client has found out anything. A later one tells what it found.
    for (let attempt = 0; attempt < 120 && !(error && foundOut(error)); attempt++)
      error = await provider.tryAcquire('k', { timeoutMs: 500 }).catch((reason) => reason);
    tell({ name: error.name, message: error.message });
    await provider.close();
    tell({ done: true });
  },
  worker() {
    if (isMainThread) {
      new Worker(new URL(import.meta.url), { workerData: process.argv.slice(2) });
      return;
    }
    try {
      open();
    } catch (error) {
      tell({ name: error.name, message: error.message });
    }
  },
};

await tasks[task]();
