import { get } from 'node:http';
import { SETTINGS, monotonicMs, type Policy, type Scale } from './settings.js';
import type { WorkerProcess } from './worker-process.js';

/** One request as its sender saw it. */
export interface RequestRecord {
  /** Its policy, or `held`. */
  readonly group: string;
  readonly worker: string;
  readonly sentAt: number;
  readonly tookMs: number;
  /** 0: no answer. */
  readonly status: number;
  /** How old the value was that came: since its load began. */
  readonly ageMs?: number;
  /** Its worker was stopped, or ended, before it answered. */
  readonly struck: boolean;
  /** How often its connection ended without an answer, and it went to the next instance. */
  readonly moved: number;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** How often requests are sent; those that fall due together go together. */
const TICK_MS = 10;
/** Where nothing is wrong no answer takes longer, unless there is more load than the machine can carry. */
const CALM_MS = 300;

/**
 * A load balancer and the clients before it. Requests are sent at their time, whatever became of those before them: what hangs keeps nobody from asking. A GET whose connection ends without
 * an answer goes to the next instance, as it does with any load balancer.
 */
export class OpenLoad {
  readonly requests: RequestRecord[] = [];
  /** For each policy, now. */
  requestsPerSecond: number;
  readonly #open = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #sent = 0;

  constructor(
    private readonly workers: () => readonly WorkerProcess[],
    private readonly policies: readonly Policy[],
    readonly scale: Scale,
    requestsPerSecond: number,
  ) {
    this.requestsPerSecond = requestsPerSecond;
  }

  start(): void {
    let last = performance.now();
    let due = 0;
    this.#timer = setInterval(() => {
      const now = performance.now();
      due += ((now - last) / 1_000) * this.requestsPerSecond;
      last = now;
      for (; due >= 1; due--) this.#sendToAll();
    }, TICK_MS);
  }

  /** Resolves when everything that was sent has ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
  }

  /** One request, to any instance or to the one that is given. */
  send(group: string, path: string, worker = this.#next()): Promise<void> {
    const sending = this.#send(group, path, worker);
    this.#open.add(sending);
    void sending.finally(() => this.#open.delete(sending));
    return sending;
  }

  /** Since then every request was answered, and quickly. */
  calmSince(moment: number): boolean {
    const recent = this.requests.filter(({ sentAt }) => sentAt >= moment);
    const quick = recent.every(({ status, tookMs }) => status === 200 && tookMs < CALM_MS);
    return recent.length > 0 && quick && this.#open.size <= recent.length / 2;
  }

  #sendToAll(): void {
    const number = this.#sent++;
    const way = number % 2 === 0 ? 'route' : 'call';
    const key = `${way}-${Math.floor(number / 2) % (this.scale.keys / 2)}`;
    for (const policy of this.policies) void this.send(policy, `/${policy}/${way}/${key}`);
  }

  async #send(group: string, path: string, first: WorkerProcess): Promise<void> {
    const sentAt = monotonicMs();
    let worker = first;
    let struck = false;
    for (let moved = 0; ; moved++) {
      const answer = await ask(worker, path);
      struck ||= worker.struck;
      const now = monotonicMs();
      const tookMs = now - sentAt;
      if (answer === undefined && tookMs < SETTINGS.hungAfterMs && moved < this.workers().length) {
        worker = this.#next(worker);
        continue;
      }
      const { status = 0, body = '' } = answer ?? {};
      const age = status === 200 && { ageMs: now - (JSON.parse(body) as { loadedAt: number }).loadedAt };
      this.requests.push({ group, worker: worker.name, sentAt, tookMs, status, struck, moved, ...age });
      return;
    }
  }

  #next(not?: WorkerProcess): WorkerProcess {
    const all = this.workers();
    const able = all.filter((worker) => worker !== not && !worker.out && !worker.ended);
    // By chance: taken in turn, each key would always come to the same instance.
    return (able.length > 0 ? able : all)[Math.floor(Math.random() * (able.length || all.length))]!;
  }
}

/** Undefined: the connection ended without an answer, or none came in time. */
function ask({ agent, port }: WorkerProcess, path: string): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const request = get({ agent, port, path, host: '127.0.0.1' }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => (body += piece));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.once('error', () => resolve(undefined));
    });
    request.setTimeout(SETTINGS.hungAfterMs, () => request.destroy());
    request.once('error', () => resolve(undefined));
  });
}
