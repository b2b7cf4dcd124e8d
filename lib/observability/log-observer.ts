import {
  CacheObserver,
  type CacheEvent,
  type NotStoredReason,
  type RenewalRefusal,
  type StoreStep,
} from '../core/cache-event.js';
import { errorText } from '../core/error-text.js';
import { LockAuthError, StoreUnavailableError } from '../core/errors.js';
import type { UnsentCount } from '../core/unsent-changes.js';
import type { Clock } from '../core/clock.js';
import { PartLog } from './part-log.js';

/** What of Nest's `Logger` is used. */
export interface LogSink {
  /** What is good to know. */
  log(message: string): void;
  /** What wants attention. */
  warn(message: string): void;
}

/** A line of the same kind is not written again within this time; how many were left out is told with the next one. */
export const LOG_INTERVAL_MS = 60_000;

/** So many different details of one kind of line are told apart. */
const MOST_DETAILS = 20;

/** Undefined: that is how it is meant to be. */
const NOT_STORED: Record<NotStoredReason, string | undefined> = {
  undefined: undefined,
  uncacheable: undefined,
  'cache-if': undefined,
  'no-ttl': undefined,
  unserializable: 'it would not come back as it is',
  'too-large': 'it is too large',
  'tag-full': 'one of its tags leads to as many entries as it may',
  'tags-unknown': 'its tags cannot be told',
  'policy-failed': 'its policy cannot be told',
};

const NOT_RENEWED = {
  'coarse-version': 'it has milliseconds, which two updates may share; add a @VersionColumn()',
  'no-version': 'what is stored has none',
  'not-comparable': 'currentVersion gave one of another kind; read the column that entity or version reads',
  failed: 'currentVersion failed',
} as const satisfies Record<Exclude<RenewalRefusal, 'tag-announced'>, string>;

/**
 * Writes what an operator should know, and nothing while all is well: when a part goes down, when it is back, after how long and after how many failures, and the first occurrence of what needs a change in
 * code or schema. However much happens, a kind of line is written at most once an interval. Loaders' own errors are the application's business and not written here.
 */
export class LogObserver extends CacheObserver {
  private readonly store: PartLog;
  private readonly lock: PartLog;
  private readonly announcing: PartLog;
  private readonly details = new Map<string, Set<string>>();
  private readonly lines = new Map<string, { readonly at: number; leftOut: number }>();

  constructor(
    private readonly logger: LogSink,
    private readonly clock: Clock,
  ) {
    super();
    const part = (what: string): PartLog => new PartLog(what, logger, clock, LOG_INTERVAL_MS);
    [this.store, this.lock, this.announcing] = [part('commands'), part('attempts'), part('announcements')];
  }

  observe(event: CacheEvent): void {
    switch (event.type) {
      case 'store-unavailable':
        if (isRefusedAnnouncement(event)) return; // announcement-failed and announcements-refused tell it, once
        // What was not asked has not failed once more.
        return this.store[event.unasked === undefined ? 'failed' : 'isDown'](
          () =>
            `The store does not answer (${event.step}: ${errorText(event.error)}); values are loaded and not stored.`,
        );
      case 'lock-unavailable':
        return this.lock.failed(
          () =>
            `The lock service ${event.error instanceof LockAuthError ? 'refuses us' : 'does not answer'} (${errorText(event.error)}); onLockUnavailable decides, by default the store's lease serves as the lock.`,
        );
      case 'breaker-changed':
        return this.breaker(event);
      case 'lock-state':
        return this.lockState(event);
      case 'hit':
      case 'leased':
      case 'stored':
      case 'filled-by-another':
        return this.store.answered('The store answers again');
      case 'lock-acquired':
      case 'lock-busy':
        return this.lock.answered('The lock service answers again');
      case 'version-regressed':
        return this.warn(
          event.type,
          `The database gave version ${String(event.version.order)} of ${event.key}, older than ${event.floor === undefined ? 'an announced one' : String(event.floor.order)}; it was not stored. ` +
            'Read from the primary; if its clock is the reason, add a @VersionColumn(), or stamp rows with clock_timestamp().',
        );
      case 'not-stored':
        return this.notStored(event);
      case 'renewal-refused':
        if (event.because === 'tag-announced') return;
        return this.warn(
          `${event.type} ${event.because}`,
          `The value of ${event.key} was loaded, and could not be renewed by its version: ${NOT_RENEWED[event.because]}${event.error === undefined ? '' : `: ${errorText(event.error)}`}.`,
        );
      case 'load-shed':
        if (event.background) return;
        return this.warn(
          event.type,
          `${event.key} was not loaded, because as many loads are under way as may be (${event.because}): raise maxConcurrentLoads, or look at what makes the loads slow.`,
        );
      case 'announcement-failed':
        return this.announcing.failed(
          () =>
            `A committed change could not be announced (${errorText(event.error)}); it is kept and tried again. Until then other instances may serve older values.`,
        );
      case 'announcement-made-up':
        return isNone(event.unsent) ? this.announcing.answered('What could not be announced is announced') : undefined;
      case 'announcements-collapsed':
        return this.warn(
          event.type,
          'More changes wait for the store than are kept: the namespace will be cleared when it is back.',
        );
      case 'announcements-refused':
        return this.warn(
          event.type,
          `The store refuses to be told of committed changes (${told(event.unsent)}; ${errorText(event.error)}): give it memory, or its user the right. ${outdated(event.unsent)} until it has been told; it is tried again every 30 s at least.`,
        );
      case 'announcement-lost':
        return this.warn(
          event.type,
          `The process ends with changes that could not be announced (${told(event)}; ${errorText(event.error)}): older values may be served until their ttlMs is over.`,
        );
      case 'outbox-failing':
        return this.warn(
          event.type,
          `The outbox could not be drained (${errorText(event.error)}); it is tried again. What others have left there is not announced until then.`,
        );
      case 'corrupt-entry':
        return this.warn(
          event.type,
          `What lies under ${event.key} could not be read and counts as a miss: ${errorText(event.error)}.`,
        );
      case 'other-shape':
        return this.warn(
          this.kindOf(event.type, errorText(event.error)),
          `What lies under ${event.key} was written by an instance with other classes and counts as a miss: ${errorText(event.error)} In a rolling deployment this passes.`,
        );
      default:
    }
  }

  private notStored({ type, key, reason, detail }: Extract<CacheEvent, { type: 'not-stored' }>): void {
    const because = NOT_STORED[reason];
    if (because === undefined) return;
    this.warn(
      this.kindOf(`${type} ${reason}`, detail),
      `The value of ${key} was not stored, because ${because}${detail === undefined ? '' : `: ${detail}`}.`,
    );
  }

  private breaker({ server, state, previous }: Extract<CacheEvent, { type: 'breaker-changed' }>): void {
    const name = server === 'store' ? 'The store' : 'The lock service';
    if (state === 'closed') return this[server].answered(`${name} answers again`);
    if (previous === 'closed')
      return this.warn(
        `${server} breaker`,
        `${name} has failed too often in a row: it is not asked any more until it answers a probe.`,
      );
  }

  private lockState({ provider, state, previous, error }: Extract<CacheEvent, { type: 'lock-state' }>): void {
    const because = error === undefined ? '' : ` (${errorText(error)})`;
    if (state === 'connected') return this.lock.answered(`${provider}: connected again`);
    if (state === 'auth-failed')
      return this.warn(
        `lock ${state}`,
        `${provider} refuses our credentials${because}; correct them and restart. Until then onLockUnavailable decides who loads.`,
      );
    if (state === 'lost')
      return this.lock.isDown(
        () => `${provider}: the session is lost${because}; held locks are given up, a new session is being opened.`,
      );
    if (state === 'suspended' && previous === 'connected')
      return this.lock.isDown(() => `${provider}: contact is lost${because}; reconnecting.`);
  }

  /**
   * A kind of line for each thing that is wrong, so that the second class that cannot be stored is not hidden behind the first. What differs from value to value (paths, numbers) makes no kind of its own, nor does anything beyond the
   * first {@link MOST_DETAILS}.
   */
  private kindOf(kind: string, detail = ''): string {
    const known = this.details.get(kind) ?? new Set<string>();
    this.details.set(kind, known);
    const what = detail
      .replace(/"(?:[^"\\]|\\.)*"/g, '""')
      .replace(/\bvalue(?:\.[\w$]+|\[[^\]]*\]|<[^>]*>)+/g, 'value')
      .replace(/\b\d+\b/g, '#');
    if (!known.has(what) && known.size >= MOST_DETAILS) return kind;
    known.add(what);
    return `${kind} ${what}`;
  }

  private warn(kind: string, message: string): void {
    const leftOut = this.mayWrite(kind);
    if (leftOut === undefined) return;
    this.logger.warn(leftOut === 0 ? message : `${message} (${String(leftOut)} more of this kind since the last line)`);
  }

  /** How many lines of this kind were left out since the last one; undefined when this one is left out too. */
  private mayWrite(kind: string): number | undefined {
    const now = this.clock.elapsedMs();
    const last = this.lines.get(kind);
    if (last !== undefined && now - last.at < LOG_INTERVAL_MS) {
      last.leftOut++;
      return undefined;
    }
    this.lines.set(kind, { at: now, leftOut: 0 });
    return last?.leftOut ?? 0;
  }
}

const ANNOUNCING: ReadonlySet<StoreStep> = new Set(['invalidate', 'announce', 'set', 'clear']);

function isRefusedAnnouncement({ step, error }: Extract<CacheEvent, { type: 'store-unavailable' }>): boolean {
  return ANNOUNCING.has(step) && error instanceof StoreUnavailableError && error.refused;
}

/** Which keys a tag leads to is known to the store alone. */
function outdated({ tags, everything }: UnsentCount): string {
  return tags > 0 || everything
    ? 'This instance loads everything and stores nothing'
    : 'This instance loads what is stored under these keys and stores nothing there';
}

function isNone({ keys, tags, everything }: UnsentCount): boolean {
  return keys === 0 && tags === 0 && !everything;
}

function told({ keys, tags, everything }: UnsentCount): string {
  return everything ? 'all of the namespace' : `${String(keys)} keys, ${String(tags)} tags`;
}
