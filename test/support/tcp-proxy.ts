import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/** Stands between a client and a server on this machine, and breaks what it is told to break. */
export class TcpProxy {
  readonly #targetPort: number;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #refusing = false;
  #silent = false;
  #losesReplies = false;
  #replyLost: (() => void) | undefined;

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

  /** Ends every connection; new ones are welcome. */
  cut(): void {
    for (const pair of this.#pairs) this.#end(pair);
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

  /**
   * The next bytes of the server, on whatever connection, are dropped, and its connection is ended with them: the server has done what it was asked, and the client
   * does not know. Resolves when that has happened.
   */
  loseNextReply(): Promise<void> {
    this.#losesReplies = true;
    return new Promise((resolve) => {
      this.#replyLost = resolve;
    });
  }

  /** Everything passes again. What was swallowed stays lost. */
  heal(): void {
    this.#refusing = false;
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
    if (this.#refusing) {
      client.resetAndDestroy();
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
    pair.client.on('data', (data) => {
      if (!this.#silent) pair.server.write(data);
    });
    pair.server.on('data', (data) => {
      if (this.#losesReplies) this.#loseReply(pair);
      else if (!this.#silent) pair.client.write(data);
    });
  }

  #loseReply(pair: Pair): void {
    this.#losesReplies = false;
    this.#end(pair);
    this.#replyLost?.();
  }

  #end(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return;
    pair.client.destroy();
    pair.server.destroy();
  }
}
