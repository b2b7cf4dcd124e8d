import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { InstanceProcess } from './instance-process.js';

const FIXTURE = fileURLToPath(new URL('./shop-instance.mjs', import.meta.url));

export interface ShopSettings {
  readonly namespace: string;
  readonly redisUrl: string;
  readonly postgresUrl: string;
  readonly schema: string;
  /** Announcements of this process reach nobody: each stops after its commit. */
  readonly holdAnnouncements?: boolean;
  /** More options of the module: plain JSON. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** An instance of an application that writes through TypeORM, in an operating-system process of its own. */
export class ShopProcess extends InstanceProcess {
  static async open(settings: ShopSettings): Promise<ShopProcess> {
    const child = fork(FIXTURE, [JSON.stringify(settings)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const shop = new ShopProcess(child);
    await shop.until('ready');
    return shop;
  }

  /** The price of the item, through the cache. */
  price(): Promise<number> {
    return this.ask('price', {});
  }

  /** Resolves when the change is committed and announced, or its announcement given up for now. */
  write(price: number): Promise<void> {
    return this.ask('write', { price });
  }
}
