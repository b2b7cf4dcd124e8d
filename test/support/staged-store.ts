import type { StoreStep } from '../../lib/core/cache-event.js';
import { StoreUnavailableError } from '../../lib/core/errors.js';
import {
  VersionedStore,
  type BeginOptions,
  type Fill,
  type Invalidation,
  type KeyListener,
  type LoadMark,
  type TagRegistration,
  type WriterSet,
} from '../../lib/core/versioned-store.js';
import { Gate } from './gate.js';

/** A store whose steps a test can stop before or after they are done, make fail, and count. */
export class StagedStore extends VersionedStore {
  readonly name = 'staged';
  down = false;
  /** A step that the server refuses, as it would for a user without the right to it. */
  refused: StoreStep | undefined;
  readonly steps: StoreStep[] = [];
  /** Stands before every request and before every reply, when a test wants to order them all. */
  everyStep: (what: string) => Promise<unknown> = () => Promise.resolve();
  private readonly gates = new Map<string, Gate[]>();

  constructor(private readonly inner: VersionedStore) {
    super();
  }

  readonly scope = 'fleet';

  /** Stops the next such step, before it is done or (its reply) after. */
  stop(when: 'before' | 'after', step: StoreStep): Gate {
    const gate = new Gate();
    const name = `${when} ${step}`;
    this.gates.set(name, [...(this.gates.get(name) ?? []), gate]);
    return gate;
  }

  read(key: string) {
    return this.stage('read', () => this.inner.read(key));
  }
  begin(key: string, options: BeginOptions) {
    return this.stage('begin', () => this.inner.begin(key, options));
  }
  override renew(key: string, lease: string, loadingMs: number) {
    return this.stage('renew', () => this.inner.renew!(key, lease, loadingMs));
  }
  override listen(key: string, onEnd: () => void): KeyListener {
    return this.inner.listen?.(key, onEnd) ?? { live: false, stop: () => undefined };
  }
  fill(key: string, fill: Fill) {
    return this.stage('fill', () => this.inner.fill(key, fill));
  }
  mark(key: string, lease: string, mark: LoadMark, forMs: number) {
    return this.stage('mark', () => this.inner.mark(key, lease, mark, forMs));
  }
  invalidate(key: string, invalidation: Invalidation) {
    return this.stage('invalidate', () => this.inner.invalidate(key, invalidation));
  }
  set(key: string, set: WriterSet) {
    return this.stage('set', () => this.inner.set(key, set));
  }
  register(tag: string, registration: TagRegistration) {
    return this.stage('register', () => this.inner.register(tag, registration));
  }
  announce(tag: string, memoryMs: number) {
    return this.stage('announce', () => this.inner.announce(tag, memoryMs));
  }
  clear() {
    return this.stage('clear', () => this.inner.clear());
  }
  close() {
    return this.inner.close();
  }

  private async stage<T>(step: StoreStep, work: () => Promise<T>): Promise<T> {
    this.steps.push(step);
    await this.everyStep(step);
    await this.gates.get(`before ${step}`)?.shift()?.pass();
    if (this.refused === step) throw new StoreUnavailableError('NOPERM', { refused: true });
    if (this.down) throw new Error('connection refused');
    const result = await work();
    await this.gates.get(`after ${step}`)?.shift()?.pass();
    await this.everyStep(`${step} replies`);
    return result;
  }
}
