// Lets a test in another process stop the steps of a store, before they are sent or (their replies) after.
export class Stops {
  #tell;
  #awaited = new Map();

  constructor(tell) {
    this.#tell = tell;
  }

  /** The next time that somebody comes to `at` (`before register tag:42`, `after fill item:k`) it is told, and waits. */
  close(at) {
    let open;
    const opened = new Promise((resolve) => (open = resolve));
    this.#awaited.set(at, { open, opened, isReached: false });
  }

  open(at) {
    this.#awaited.get(at)?.open();
    this.#awaited.delete(at);
  }

  async pass(at) {
    const stop = this.#awaited.get(at);
    if (stop === undefined || stop.isReached) return;
    stop.isReached = true;
    this.#tell(at);
    await stop.opened;
  }

  /** The store that a factory makes, with its steps passing here. */
  around({ description, ...factory }) {
    const createVersionedStore = async (context) => {
      const store = await factory.createVersionedStore(context);
      return new Proxy(store, { get: (_, name) => this.#step(store, name) });
    };
    return { description, createVersionedStore };
  }

  #step(store, name) {
    const step = store[name];
    if (typeof step !== 'function') return step;
    // No step, and not asynchronous: it only begins to listen.
    if (name === 'listen') return step.bind(store);
    return async (...args) => {
      const what = `${String(name)} ${String(args[0])}`;
      await this.pass(`before ${what}`);
      const answer = await step.apply(store, args);
      await this.pass(`after ${what}`);
      return answer;
    };
  }
}
