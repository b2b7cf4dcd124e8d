import type { RedisClient, RedisScript, Unsubscribe } from '../../../../lib/redis-client/redis-client.js';
import {
  acquireScript,
  lookScript,
  releaseScript,
  renewScript,
} from '../../../../lib/locks/redis/redis-lock-scripts.js';

/** One request that a test answers when it likes. */
export interface StagedRequest {
  readonly step: string;
  readonly key: string;
  readonly args: readonly string[];
  answer(reply: unknown): void;
  fail(message: string): void;
}

const steps = new Map<RedisScript, string>([
  [acquireScript, 'acquire'],
  [lookScript, 'look'],
  [renewScript, 'renew'],
  [releaseScript, 'release'],
]);

/** A Redis whose answers come in the order a test wants them: for replies that are lost, late or overtaken. */
export class StagedRedis implements RedisClient {
  readonly description = 'staged';
  readonly requests: StagedRequest[] = [];
  readonly #taken = new Set<StagedRequest>();
  onMessage: ((message: string) => void) | undefined;
  subscribing: () => Promise<void> = () => Promise.resolve();
  closed = false;

  run(script: RedisScript, key: string, args: readonly string[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.requests.push({
        step: steps.get(script) ?? 'unknown',
        key,
        args,
        answer: resolve,
        fail: (message) => {
          reject(new Error(message));
        },
      });
    });
  }

  async subscribe(_channel: string, onMessage: (message: string) => void): Promise<Unsubscribe> {
    await this.subscribing();
    this.onMessage = onMessage;
    return () => Promise.resolve();
  }

  deleteByPrefix(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  /** The oldest request that was not taken yet; a test that expects one of another kind fails here. */
  take(step: string): StagedRequest {
    const request = this.requests.find((candidate) => !this.#taken.has(candidate));
    if (request?.step !== step)
      throw new Error(`expected a request '${step}', but the next is '${request?.step ?? 'none'}'`);
    this.#taken.add(request);
    return request;
  }

  /** The kinds of all requests so far. */
  get steps(): string[] {
    return this.requests.map(({ step }) => step);
  }
}
