import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { SlowLane, type Pace } from './slow-lane.js';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/** What is lost of an exchange: the request (the server never did it) or the reply (it did, and the client does not know). */
export type Loss = 'request' | 'reply';

interface Trap {
  readonly matches: (request: Buffer) => boolean;
  readonly loss: Loss;
  readonly thenRefuse: boolean;
  readonly sprung: () => void;
  /** The connection whose next reply is to be lost. */
  victim?: Pair;
}

/** Stands between a client and a server on this machine, and breaks what it is told to break. */
export class TcpProxy {
  readonly #targetPort: number;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #refusing = false;
  #silent = false;
  #forgetsNext = false;
  #pace: Pace = {};
  #attempts = 0;
  #trap: Trap | undefined;
  #requests = 0;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer((client) => {
      this.#accept(client);
    });
  }

  static async open(targetPort: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${String(this.port)}`;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Connections that clients have tried to open so far, those that were refused included. */
  get attempts(): number {
    return this.#attempts;
  }

  /** What clients have sent so far, swallowed or not: packets, so no fewer commands than are sent one by one. */
  get requests(): number {
    return this.#requests;
  }

  /** Ends every connection; new ones are welcome. */
  cut(): void {
    for (const pair of this.#pairs) this.#end(pair);
  }

  /** As `cut()`, but clients see their connection reset instead of ended. */
  reset(): void {
    for (const pair of this.#pairs) this.#reset(pair);
  }

  /** Ends every connection, and every new one at once. */
  refuse(): void {
    this.#refusing = true;
    this.cut();
  }

  /** Nothing passes any more, in either direction; connections stay open and new ones are accepted. */
  blackHole(): void {
    this.#silent = true;
  }

  /** The next connection is accepted and never answered: what becomes of one that comes while a server starts. */
  forgetNext(): void {
    this.#forgetsNext = true;
  }

  /** What passes is late by so much, in each direction. */
  delay(delayMs: number): void {
    this.#pace = { ...this.#pace, delayMs };
  }

  /** No more than so much passes each second, for each connection and direction. */
  throttle(bytesPerSecond: number): void {
    this.#pace = { ...this.#pace, bytesPerSecond };
  }

  /**
   * Waits for a request (a chunk of bytes as it arrives) that matches, loses it or the reply to it, and ends its connection with that. Resolves when it has happened.
   * `thenRefuse`: nobody gets in after that until `heal()`.
   */
  lose(loss: Loss, matches: (request: Buffer) => boolean, { thenRefuse = false } = {}): Promise<void> {
    return new Promise((sprung) => {
      this.#trap = { matches, loss, thenRefuse, sprung };
    });
  }

  /** Everything passes again. What was swallowed stays lost, what was held back arrives. */
  heal(): void {
    this.#refusing = false;
    this.#pace = {};
    if (this.#silent) {
      this.#silent = false;
      // A stream with a hole in it is of no use to anybody.
      this.cut();
    }
  }

  async close(): Promise<void> {
    this.cut();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    this.#attempts++;
    if (this.#refusing) {
      client.resetAndDestroy();
      return;
    }
    if (this.#forgetsNext) {
      this.#forgetsNext = false;
      client.on('error', () => undefined).resume();
      return;
    }
    const pair = { client, server: connect({ port: this.#targetPort, host: '127.0.0.1' }) };
    this.#pairs.add(pair);
    for (const socket of [pair.client, pair.server]) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#end(pair);
      });
    }
    // A server that is not there refuses its clients, and does not welcome them and hang up.
    pair.server.on('error', () => {
      if (pair.server.bytesRead === 0) this.#reset(pair);
    });
    const pace = (): Pace => this.#pace;
    const up = new SlowLane(pair.server, pace);
    const down = new SlowLane(pair.client, pace);
    pair.client.on('data', (data: Buffer) => {
      this.#requests++;
      const trap = this.#trap;
      if (trap && !trap.victim && trap.matches(data)) {
        if (trap.loss === 'request') {
          this.#spring(trap, pair);
          return;
        }
        trap.victim = pair;
      }
      if (!this.#silent) up.write(data);
    });
    pair.server.on('data', (data: Buffer) => {
      if (this.#trap?.victim === pair) this.#spring(this.#trap, pair);
      else if (!this.#silent) down.write(data);
    });
  }

  #spring(trap: Trap, pair: Pair): void {
    this.#trap = undefined;
    if (trap.thenRefuse) this.refuse();
    this.#end(pair);
    trap.sprung();
  }

  #end(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return;
    pair.client.destroy();
    pair.server.destroy();
  }

  #reset(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return;
    pair.client.resetAndDestroy();
    pair.server.destroy();
  }
}
