import { createHash } from 'node:crypto';
import { LockProvider, type HeldLock } from 'nestjs-distributed-cache';

/** The slice of the `zookeeper` package that the recipe needs. */
interface Native {
  init(config: object): unknown;
  close(): unknown;
  once(event: 'connect', listener: () => void): unknown;
  a_create(path: string, data: string, flags: number, done: (code: number, text: string, path: string) => void): number;
  a_get_children(path: string, watch: boolean, done: (code: number, text: string, names: string[]) => void): number;
  a_delete_(path: string, version: number, done: (code: number) => void): number;
}

const EPHEMERAL_SEQUENTIAL = 3;
const CONTAINER = 4;
const NO_NODE = -101;

/**
 * The well-known recipe with a queue, as Curator's InterProcessMutex does it for a key that nobody else wants: a sequential child in a container of the key, a
 * look at the children, and later the child's removal. A yardstick for uncontended loads, without the queue's waiting.
 */
export class CuratorLock extends LockProvider {
  readonly name = 'curator';
  readonly state = 'connected';
  private readonly native: Promise<Native>;

  constructor(connectString: string) {
    super();
    this.native = open(connectString);
  }

  async tryAcquire(key: string): Promise<HeldLock> {
    const native = await this.native;
    const home = `/curator-${createHash('sha1').update(key).digest('hex')}`;
    let made = await create(native, `${home}/lock-`, EPHEMERAL_SEQUENTIAL);
    if (made.code === NO_NODE) {
      await create(native, home, CONTAINER);
      made = await create(native, `${home}/lock-`, EPHEMERAL_SEQUENTIAL);
    }
    await new Promise((resolve) => native.a_get_children(home, false, resolve));
    const { path } = made;
    return {
      acquired: true,
      token: 0n,
      signal: new AbortController().signal,
      release: () => new Promise((resolve) => native.a_delete_(path, -1, () => resolve())),
    };
  }

  async close(): Promise<void> {
    const native = await this.native;
    // On a fresh stack: inside a callback of the C client a close is put off, and lost when the process ends.
    await new Promise((resolve) => setImmediate(resolve));
    native.close();
  }
}

async function open(connect: string): Promise<Native> {
  const { default: ZooKeeper } = (await import('zookeeper')) as unknown as { default: new (config: object) => Native };
  const native = new ZooKeeper({ connect, timeout: 40_000, debug_level: 0, host_order_deterministic: false });
  const connected = new Promise<void>((resolve) => native.once('connect', resolve));
  native.init({});
  await connected;
  return native;
}

function create(native: Native, path: string, flags: number): Promise<{ code: number; path: string }> {
  return new Promise((resolve) =>
    native.a_create(path, '', flags, (code, _text, made) => {
      resolve({ code, path: made });
    }),
  );
}
