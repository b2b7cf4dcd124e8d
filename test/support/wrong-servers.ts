import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** What stands where a server should, by what it does with a connection. */
const BEHAVIOURS = {
  /** Takes connections and never answers. */
  silent: () => undefined,
  /** Speaks HTTP, whatever it is asked. */
  http: (socket: Socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'));
  },
  /** An old Redis: knows no `HELLO` and no user, and repeats in its error what it was given. */
  repeating: (socket: Socket) => {
    socket.on('data', (data) => {
      const words = data
        .toString()
        .split('\r\n')
        .filter((word) => !/^[*$]\d+$/.test(word));
      const commands = data.toString().match(/^\*\d+/gm) ?? [];
      const error = `-ERR unknown command '${words[0] ?? ''}', with args beginning with: '${words.slice(1).join("' '")}'\r\n`;
      socket.write(error.repeat(commands.length));
    });
  },
} as const;

export type WrongServer = keyof typeof BEHAVIOURS;

/** A TCP server in this process that is not what its clients expect. */
export class WrongServers {
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  /** Its port on 127.0.0.1. */
  async start(behaviour: WrongServer): Promise<number> {
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      BEHAVIOURS[behaviour](socket);
    });
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers) server.close();
  }
}
