import { Redis as Ioredis } from 'ioredis';
import { Redis as IoredisV6 } from 'ioredis-v6';
import { createClient as createV6 } from 'redis';
import { createClient as createV4 } from 'redis-v4';
import { createClient as createV5 } from 'redis-v5';

/** A client as an application makes it, connected. */
export interface ApplicationClient {
  readonly client: unknown;
  close(): void;
}

const reconnectStrategy = (): number => 50;

/** Every kind of client that `redisStore({ client })` takes, by its name. */
export const applicationClients: Readonly<Record<string, (url: string) => Promise<ApplicationClient>>> = {
  'node-redis 4': async (url) => {
    const client = createV4({ url, disableOfflineQueue: true, socket: { reconnectStrategy } });
    client.on('error', () => undefined);
    await client.connect();
    return { client, close: () => void client.disconnect().catch(() => undefined) };
  },
  'node-redis 5': async (url) => {
    const client = createV5({ url, disableOfflineQueue: true, socket: { reconnectStrategy } });
    client.on('error', () => undefined);
    await client.connect();
    return { client, close: () => client.destroy() };
  },
  'node-redis 6': async (url) => {
    const client = createV6({ url, disableOfflineQueue: true, socket: { reconnectStrategy } });
    client.on('error', () => undefined);
    await client.connect();
    return { client, close: () => client.destroy() };
  },
  'ioredis 5': async (url) => {
    const client = new Ioredis(url, { enableOfflineQueue: false, lazyConnect: true, retryStrategy: reconnectStrategy });
    client.on('error', () => undefined);
    await client.connect();
    return { client, close: () => client.disconnect() };
  },
  'ioredis 6': async (url) => {
    const client = new IoredisV6(url, {
      enableOfflineQueue: false,
      lazyConnect: true,
      retryStrategy: reconnectStrategy,
    });
    client.on('error', () => undefined);
    await client.connect();
    return { client, close: () => client.disconnect() };
  },
};
