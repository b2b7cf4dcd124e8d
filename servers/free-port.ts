import { createSocket, type Socket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

const FIRST = 10_000;
const LAST = 31_999;
/** With fewer ports than that below the system's own, there is no use in staying below. */
const ENOUGH = 1_000;

/** The last port to give. `range` is what Linux says of its local ports: the lowest and the highest; other systems begin above `LAST`. */
export function lastPort(range: string): number {
  const lowest = Number(/^\d+/.exec(range)?.[0] ?? Infinity);
  return lowest < FIRST + ENOUGH ? LAST : Math.min(LAST, lowest - 1);
}

function systemsRange(): string {
  try {
    return readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
  } catch {
    return '';
  }
}

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
 * Nobody who asks here is given that port as long as this process lives, also while its server is not yet, or not at the moment, there:
 * the UDP port of the same number, which none of the servers uses, is taken for it. The system gives that to one process only, and takes it back when the process ends, however it ends.
 */
function reserve(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => {
      socket.close();
      resolve(undefined);
    });
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => {
      socket.unref();
      resolve(socket);
    });
  });
}

/**
 * A port nobody listens on, or has been given by this function in a process that still runs. It lies below the range from which the system takes the local ports of outgoing
 * connections: a server that is down for a moment finds its port still free when it comes back, and who connects to it meanwhile does not meet himself.
 */
export async function freePort(): Promise<number> {
  const last = lastPort(systemsRange());
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = FIRST + Math.floor(Math.random() * (last - FIRST + 1));
    const reservation = await reserve(port);
    if (reservation === undefined) continue;
    if (await canListen(port)) return port;
    reservation.close();
  }
  throw new Error(`Found no free port between ${String(FIRST)} and ${String(last)} on 127.0.0.1.`);
}
