import { LockProvider, type AcquireOptions, type BusyLock, type HeldLock, type LockState } from '../core/lock-provider.js';
import {
  VersionedStore,
  type BeginOptions,
  type BeginOutcome,
  type Fill,
  type FillOutcome,
  type Invalidation,
  type KeyState,
  type LoadMark,
  type WriterSet,
} from '../core/versioned-store.js';

/** The application's own lock provider: whoever opened it closes it. */
export class BorrowedLockProvider extends LockProvider {
  constructor(private readonly lender: LockProvider) {
    super();
  }

  get name(): string {
    return this.lender.name;
  }

  get state(): LockState {
    return this.lender.state;
  }

  tryAcquire(key: string, options: AcquireOptions): Promise<HeldLock | BusyLock> {
    return this.lender.tryAcquire(key, options);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** The application's own store: whoever opened it closes it. */
export class BorrowedVersionedStore extends VersionedStore {
  constructor(private readonly lender: VersionedStore) {
    super();
  }

  get name(): string {
    return this.lender.name;
  }

  get scope(): 'fleet' | 'process' {
    return this.lender.scope;
  }

  read(key: string): Promise<KeyState> {
    return this.lender.read(key);
  }

  begin(key: string, options: BeginOptions): Promise<BeginOutcome> {
    return this.lender.begin(key, options);
  }

  fill(key: string, fill: Fill): Promise<FillOutcome> {
    return this.lender.fill(key, fill);
  }

  mark(key: string, lease: string, mark: LoadMark, forMs: number): Promise<void> {
    return this.lender.mark(key, lease, mark, forMs);
  }

  invalidate(key: string, invalidation: Invalidation): Promise<void> {
    return this.lender.invalidate(key, invalidation);
  }

  set(key: string, set: WriterSet): Promise<'stored' | 'invalidated'> {
    return this.lender.set(key, set);
  }

  clear(): Promise<void> {
    return this.lender.clear();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
