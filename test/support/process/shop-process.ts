import { DrivenProcess } from './driven-process.js';

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
export class ShopProcess extends DrivenProcess<ShopSettings> {
  constructor() {
    super('./shop-instance.mjs');
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
