import { createServer } from 'node:net';

const FIRST = 15_000;
const LAST = 31_999;

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

/**
 * A port nobody listens on, below the range from which the system takes the local ports of outgoing
 * connections: a server that is down for a moment finds its port still free when it comes back.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1));
    if (await canListen(port)) return port;
  }
  throw new Error(`Found no free port between ${String(FIRST)} and ${String(LAST)} on 127.0.0.1.`);
}
