import { randomUUID } from 'node:crypto';
import { startRedis, startZooKeeper, type OwnRedis, type OwnServer, type OwnZooKeeper } from '../servers/index.js';
import type { BenchOptions } from './command-line.js';
import { Worker } from './worker/worker.js';

/** Servers and processes of the benchmark's own, started when a part first asks for them and gone at its end. */
export class Stage {
  private readonly servers: OwnServer[] = [];
  private readonly workers = new Set<Worker>();
  private redisServer: Promise<OwnRedis> | undefined;
  private zooKeeperServer: Promise<OwnZooKeeper> | undefined;
  private syncingServer: Promise<OwnZooKeeper> | undefined;

  constructor(
    readonly options: BenchOptions,
    readonly progress: (line: string) => void,
  ) {}

  redis(): Promise<OwnRedis> {
    return (this.redisServer ??= this.started(startRedis()));
  }

  /** One that answers before the disk has it: for what is counted, or waits for something else anyway. */
  zooKeeper(): Promise<OwnZooKeeper> {
    return (this.zooKeeperServer ??= this.started(startZooKeeper({ tickTimeMs: 2_000 })));
  }

  /** One that waits for the disk at each write, as in production. */
  syncingZooKeeper(): Promise<OwnZooKeeper> {
    return (this.syncingServer ??= this.started(startZooKeeper({ tickTimeMs: 2_000, sync: true })));
  }

  async worker(
    name: 'instance' | 'route-server' | 'memory-run',
    settings: object,
    execArgv?: readonly string[],
  ): Promise<Worker> {
    const worker = await Worker.start(new URL(`./worker/${name}.js`, import.meta.url), settings, execArgv);
    this.workers.add(worker);
    return worker;
  }

  async closeWorker(worker: Worker): Promise<void> {
    await worker.close();
    this.workers.delete(worker);
  }

  namespace(): string {
    return `bench-${randomUUID().slice(0, 8)}`;
  }

  async close(): Promise<void> {
    for (const worker of this.workers) worker.kill();
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  private async started<Server extends OwnServer>(starting: Promise<Server>): Promise<Server> {
    const server = await starting;
    this.servers.push(server);
    return server;
  }
}
