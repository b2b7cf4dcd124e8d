import { EventEmitter, once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createClient } from 'redis';
import { createClient as createV4 } from 'redis-v4';
import { createClient as createV5 } from 'redis-v5';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adoptRedisClient } from '../../../lib/redis-client/adopt-redis-client.js';
import { closing } from '../../../lib/redis-client/node-redis-closing.js';
import { openRedisClient } from '../../../lib/redis-client/open-redis-client.js';
import type { RedisClient } from '../../../lib/redis-client/redis-client.js';
import { redisScript } from '../../../lib/redis-client/redis-script.js';

/** Takes connections, and answers every command by an OK, unless it is mute. */
let server: Server;
let port: number;
let mute = false;
const sockets: Socket[] = [];

beforeEach(async () => {
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      const commands = data.toString().match(/^\*\d+\r\n/gm) ?? [];
      if (!mute) socket.write('+OK\r\n'.repeat(commands.length));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});

afterEach(() => {
  mute = false;
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
});

/** Each opens a connection of its own, and is closed before the socket stands. */
const OPENED: Readonly<Record<string, () => Promise<RedisClient>>> = {
  'redisStore({ url })': () => openRedisClient(`redis://127.0.0.1:${port}`),
  'a subscription beside a client of node-redis 6': () => subscribing(createClient),
  'a subscription beside a client of node-redis 5': () => subscribing(createV5),
  'a subscription beside a client of node-redis 4': () => subscribing(createV4),
};

async function subscribing(create: (options: object) => object): Promise<RedisClient> {
  const client = adoptRedisClient(create({ socket: { host: '127.0.0.1', port }, disableOfflineQueue: true }));
  client.subscribe('channel', () => undefined).catch(() => undefined);
  return Promise.resolve(client);
}

describe('closing a connection of node-redis', () => {
  it.each(Object.entries(OPENED))('while it opens its socket leaves none: %s', async (_, open) => {
    // 1. It opens a socket. 2. It is closed. 3. The socket stands.
    const client = await open();
    const connected = once(server, 'connection') as Promise<[Socket]>;
    await client.close();
    const [socket] = await connected;
    // 4. It goes again: else it would keep the process from ending.
    await once(socket, 'close');
    expect(await connectionsOf(server)).toBe(0);
  });

  it.each(Object.entries(OPENED))('while a server that took it says nothing leaves none: %s', async (_, open) => {
    mute = true;
    const connected = once(server, 'connection') as Promise<[Socket]>;
    const client = await open();
    const [socket] = await connected;
    await client.close();
    await once(socket, 'close');
    expect(await connectionsOf(server)).toBe(0);
  });

  it('when it stands closes it', async () => {
    const connected = once(server, 'connection') as Promise<[Socket]>;
    const client = await openRedisClient(`redis://127.0.0.1:${port}`);
    const [socket] = await connected;
    expect(await client.run(redisScript('return 1'), 'key', [])).toBe('OK');
    await client.close();
    await once(socket, 'close');
  });
});

describe('when a client of node-redis is destroyed', () => {
  const watched = () => {
    const destroyed: string[] = [];
    const client = Object.assign(new EventEmitter(), { destroy: () => void destroyed.push('destroyed') });
    client.on('error', () => undefined);
    return { client, destroyed, close: closing(client) };
  };

  it.each([
    ['connected', ['connect', 'ready']],
    ['refused', ['error']],
    ['not greeted', ['connect', 'error']],
  ])('while it opens a socket: once, when it is %s', (_, events) => {
    const { client, destroyed, close } = watched();
    close();
    for (const event of events) {
      expect(destroyed).toEqual([]);
      client.emit(event);
    }
    expect(destroyed).toEqual(['destroyed']);
    close();
    client.emit('error');
    expect(destroyed).toEqual(['destroyed']);
  });

  it.each([
    ['connected', ['connect', 'ready']],
    ['waiting for its next attempt', ['connect', 'ready', 'error', 'reconnecting', 'error']],
  ])('when it is %s: at once', (_, events) => {
    const { client, destroyed, close } = watched();
    for (const event of events) client.emit(event);
    expect(destroyed).toEqual([]);
    close();
    expect(destroyed).toEqual(['destroyed']);
  });

  it('while it opens another socket: when that has ended', () => {
    const { client, destroyed, close } = watched();
    for (const event of ['connect', 'ready', 'error', 'reconnecting']) client.emit(event);
    close();
    expect(destroyed).toEqual([]);
    for (const event of ['connect', 'ready']) client.emit(event);
    expect(destroyed).toEqual(['destroyed']);
  });
});

function connectionsOf(of: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    of.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}
