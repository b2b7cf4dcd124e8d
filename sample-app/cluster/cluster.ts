import { setTimeout as delay } from 'node:timers/promises';
import type { ServerAddresses } from './cluster-servers.js';
import { Instance, type Environment, type LineListener } from './instance.js';

const READY_WITHIN_MS = 90_000;

export interface ClusterOptions {
  readonly servers: ServerAddresses;
  /** How many. They are called app1, app2 and so on. */
  readonly instances: number;
  /** The port of the first; the others take those after it. 0 takes any free ones. */
  readonly firstPort: number;
  /** Variables of the application, for all instances. */
  readonly env: Environment;
  readonly onLine: LineListener;
  /** Hears of an instance that ended though nobody had stopped the cluster. It is not started again. */
  readonly onDeath: (name: string, how: string) => void;
}

/** Several instances of the sample application on the same servers. */
export class Cluster {
  /** Settles when no instance is left. */
  readonly ended: Promise<unknown>;
  #stopping = false;

  private constructor(
    readonly instances: readonly Instance[],
    private readonly options: ClusterOptions,
  ) {
    this.ended = Promise.all(instances.map(({ ended }) => ended));
  }

  /** Resolves when all instances listen. Else, or when `signal` fires, none is left running and it rejects. */
  static async start(options: ClusterOptions, signal: AbortSignal): Promise<Cluster> {
    const instances = Array.from({ length: options.instances }, (_, index) => startInstance(index, options));
    const cluster = new Cluster(instances, options);
    try {
      await cluster.ready(signal);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    for (const instance of instances) void cluster.watch(instance);
    return cluster;
  }

  /** The addresses of the instances, in their order. */
  urls(): Promise<string[]> {
    return Promise.all(this.instances.map(({ url }) => url));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.instances.map((instance) => instance.stop()));
  }

  private async ready(signal: AbortSignal): Promise<void> {
    const done = new AbortController();
    const limit = AbortSignal.any([signal, done.signal]);
    const late = delay(READY_WITHIN_MS, undefined, { signal: limit }).then(() => {
      throw new Error(`The instances did not listen within ${READY_WITHIN_MS / 1_000} seconds.`);
    });
    // After `done` nobody looks at it any more.
    late.catch(() => undefined);
    try {
      await Promise.race([this.urls(), late, ...this.instances.map(failWhenEnded)]);
    } finally {
      done.abort();
    }
  }

  private async watch({ name, ended }: Instance): Promise<void> {
    const how = await ended;
    if (!this.#stopping) this.options.onDeath(name, how);
  }
}

function startInstance(index: number, { servers, firstPort, env, onLine }: ClusterOptions): Instance {
  const variables = {
    ...env,
    PORT: String(firstPort === 0 ? 0 : firstPort + index),
    DATABASE_URL: servers.databaseUrl,
    REDIS_URL: servers.redisUrl,
    ZOOKEEPER_CONNECT: servers.zooKeeperConnect,
  };
  return new Instance(`app${index + 1}`, variables, onLine);
}

async function failWhenEnded({ name, ended }: Instance): Promise<never> {
  throw new Error(`${name} ended before it listened (${await ended}); its last lines say why.`);
}
