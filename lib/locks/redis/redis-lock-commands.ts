import { createHash } from 'node:crypto';
import type { RedisClient } from '../../redis-client/redis-client.js';
import { acquireScript, lookScript, releaseScript, renewScript } from './redis-lock-scripts.js';

/** Part of every key and of the channel: other formats of later versions live beside this one. */
const FORMAT = 1;
const LONGEST_READABLE_NAME = 200;

/** Somebody else has it. */
export interface BusyReply {
  readonly kind: 'busy';
  readonly owner: string;
  /** When the server lets it go unless it is renewed, from its answer on. Milliseconds. */
  readonly remainingMs: number;
}

export type AcquireReply = { readonly kind: 'held'; readonly token: bigint } | BusyReply;

/** The four things we ask the server about a lock. One request each, without a deadline: that is the caller's. */
export class RedisLockCommands {
  /** Where releases are announced; the message is the owner who released, a space, and the name of the lock. */
  readonly channel: string;
  readonly #client: RedisClient;
  readonly #prefix: string;
  readonly #ttl: string;

  constructor(client: RedisClient, namespace: string, ttlMs: number) {
    this.#client = client;
    this.channel = `${namespace}:lock:${String(FORMAT)}`;
    this.#prefix = `${this.channel}:`;
    this.#ttl = String(ttlMs);
  }

  async acquire(name: string, owner: string): Promise<AcquireReply> {
    const reply = texts(await this.#client.run(acquireScript, this.#prefix + name, [owner, this.#ttl]));
    return reply[0] === 'held' ? { kind: 'held', token: BigInt(reply[1] ?? '') } : busy(reply);
  }

  /** Who has it now, if anybody. */
  async look(name: string): Promise<BusyReply | undefined> {
    const reply = texts(await this.#client.run(lookScript, this.#prefix + name, []));
    return reply[0] === 'free' ? undefined : busy(reply);
  }

  /** False when it is not ours any more. */
  async renew(name: string, owner: string): Promise<boolean> {
    return Number(await this.#client.run(renewScript, this.#prefix + name, [owner, this.#ttl])) === 1;
  }

  async release(name: string, owner: string): Promise<void> {
    await this.#client.run(releaseScript, this.#prefix + name, [owner, this.#ttl, this.channel, `${owner} ${name}`]);
  }
}

/**
 * What a key is called on the server: itself where it is short, else its hash. The hash is of its UTF-16 units, so that keys which UTF-8 can't tell
 * apart (lone surrogates) stay apart; a readable name never looks like a hash.
 */
export function lockName(key: string): string {
  const readable = key.length <= LONGEST_READABLE_NAME && !key.startsWith('#') && !/\p{Surrogate}/u.test(key);
  return readable ? key : `#${createHash('sha256').update(key, 'utf16le').digest('hex')}`;
}

function busy(reply: readonly string[]): BusyReply {
  const [kind, owner, remaining] = reply;
  if (kind !== 'busy' || owner === undefined)
    throw new Error(`An answer of the lock script that makes no sense: ${reply.join(' ')}`);
  return { kind, owner, remainingMs: Math.max(0, Number(remaining)) };
}

function texts(reply: unknown): string[] {
  return Array.isArray(reply) ? reply.map(String) : [String(reply)];
}
