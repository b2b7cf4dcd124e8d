import { AsyncLocalStorage } from 'node:async_hooks';
import type { CacheEvent, DistributedCacheService } from 'nestjs-distributed-cache';
import { SETTINGS, monotonicMs } from '../settings.js';
import type { Canary } from './protocol.js';

/** What a load does when nothing is wrong. */
const HEALTHY: readonly CacheEvent['type'][] = ['lock-acquired', 'stored'];

/** Tries all parts again and again, each time with a key of its own, one beside the other: so the moment is known at which all of them work again. */
export class Canaries {
  readonly #sightings = new AsyncLocalStorage<Set<string>>();
  #sung: Canary[] = [];
  #timer: NodeJS.Timeout | undefined;
  #number = 0;

  constructor(
    private readonly worker: string,
    private readonly everyMs: number,
    private readonly answers: () => Promise<boolean>,
  ) {}

  start(cache: DistributedCacheService): void {
    this.#timer = setInterval(() => void this.#sing(cache), this.everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  observe(event: CacheEvent): void {
    this.#sightings.getStore()?.add(event.type);
  }

  take(): Canary[] {
    const taken = this.#sung;
    this.#sung = [];
    return taken;
  }

  async #sing(cache: DistributedCacheService): Promise<void> {
    const seen = new Set<string>();
    const key = ['canary', this.worker, this.#number++];
    const began = monotonicMs();
    const answered = await this.#sightings
      .run(seen, () => cache.getOrLoad(key, this.answers, { ttlMs: SETTINGS.ttlMs }))
      .catch(() => false);
    const healthy = answered && HEALTHY.every((type) => seen.has(type));
    this.#sung.push({ began, ended: monotonicMs(), healthy });
  }
}
