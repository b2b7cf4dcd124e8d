import type { CacheEvent } from './cache-event.js';
import type { Clock } from './clock.js';
import { withDeadline } from './deadline.js';
import { StoreUnavailableError } from './errors.js';
import { Refusals } from './refusals.js';
import { inBatches, type KeyChange, type TagChange } from './tagging.js';
import type { UnsentChanges, Words } from './unsent-changes.js';

/** From one attempt to the next, while the store has not been seen to be back: so it costs one command that fails. What it has refused waits longer, see {@link Refusals}. */
const PAUSE_MS = 500;
/** How long the end of the application may be held up by what is unsent. */
const LAST_ATTEMPT_MS = 2_000;

/** How the store is told. Each rejects when the store may not have it, and keeps nothing by itself. */
export interface Telling {
  key(key: string, change: KeyChange): Promise<void>;
  /** Resolves to the keys that it led to. */
  tag(change: TagChange): Promise<readonly string[]>;
  everything(): Promise<void>;
}

export interface CatchUpParts {
  readonly unsent: UnsentChanges;
  readonly tell: Telling;
  readonly clock: Clock;
  /** False while it is known that the store would not be asked. */
  readonly isReachable: () => boolean;
  /** Loads a key again in the background, where this process knows how. Never rejects. */
  readonly refresh: (key: string) => Promise<void>;
  readonly report: (event: CacheEvent) => void;
}

/** What could not be announced. */
export interface Missed {
  readonly keys?: readonly (readonly [key: string, change: KeyChange])[];
  readonly tags?: readonly TagChange[];
  readonly everything?: true;
}

const KINDS = ['keys', 'tags', 'everything'] as const;

/** Keeps announcements that could not be made, and makes them when the store is back. */
export class CatchUp {
  private cancelPause: (() => void) | undefined;
  private running: Promise<void> | undefined;
  private isBackAgain = false;
  private closed = false;
  private ended = false;
  private readonly refusals: Refusals;
  /** It has been told that the store refuses what is kept. */
  private toldRefused = false;
  /** Since the last announcement of such a kind that was made at once, one was refused. */
  private readonly lastRefused = new Set<keyof Missed>();
  /** Words that found the store away. They go after the others: 1. one server of a cluster stays away; 2. what lies there goes first, time and again; 3. what lies elsewhere is never sent. Once all were away it begins anew: what is back now may be the last of them. */
  private foundAway = new WeakSet<object>();

  constructor(private readonly parts: CatchUpParts) {
    this.refusals = new Refusals(parts.clock);
  }

  /** Whoever begins to read after this is not served what these changes have outdated, whatever becomes of the store. */
  keep({ keys = [], tags = [], everything }: Missed, error: unknown): void {
    const { unsent, report } = this.parts;
    const counts = { keys: keys.length, tags: tags.length, everything: everything ?? false };
    if (this.ended) {
      report({ type: 'announcement-lost', ...counts, error });
      return;
    }
    const wasAll = unsent.everything !== undefined;
    if (everything) unsent.addEverything();
    let fits = true;
    for (const [key, change] of keys) fits = unsent.addKey(key, change) && fits;
    for (const change of tags) fits = unsent.addTag(change) && fits;
    report({ type: 'announcement-failed', ...counts, unsent: unsent.count, error });
    if (!fits && !wasAll) report({ type: 'announcements-collapsed' });
    if (isRefusal(error)) for (const kind of KINDS) if (Number(counts[kind]) > 0) this.lastRefused.add(kind);
    this.later();
  }

  /** One was announced without being kept. After a refusal that shows that the store takes them again: what it has refused need not wait any longer. */
  taken(kind: keyof Missed): void {
    if (this.lastRefused.delete(kind)) this.refusals.forget();
  }

  /** The store has answered a probe: what is kept goes first. */
  storeIsBack(): void {
    this.isBackAgain = true;
    this.refusals.forget();
    this.cancelPause?.();
    this.cancelPause = undefined;
    this.start();
  }

  /** One last attempt, whatever is known of the store. */
  async close(): Promise<void> {
    const { unsent } = this.parts;
    this.closed = true;
    this.cancelPause?.();
    if (!unsent.isEmpty) await this.lastAttempt();
    this.ended = true;
  }

  private async lastAttempt(): Promise<void> {
    const { clock, report, unsent } = this.parts;
    const late = (): Error => new StoreUnavailableError(`not sent within ${String(LAST_ATTEMPT_MS)} ms`);
    const attempt = (async () => {
      await this.running;
      this.refusals.forget();
      return this.attempt();
    })();
    const error = await withDeadline(clock, attempt, LAST_ATTEMPT_MS, late).catch((reason: unknown) => reason);
    if (!unsent.isEmpty) report({ type: 'announcement-lost', ...unsent.count, error });
  }

  private later(): void {
    if (this.closed || this.cancelPause !== undefined || this.running !== undefined) return;
    this.cancelPause = this.parts.clock.after(PAUSE_MS, () => {
      this.cancelPause = undefined;
      if (this.parts.isReachable()) this.start();
      else this.later();
    });
  }

  private start(): void {
    if (this.closed || this.running !== undefined || this.parts.unsent.isEmpty) return;
    this.isBackAgain = false;
    this.running = this.attempt().then(() => {
      this.running = undefined;
      if (this.isBackAgain) this.start();
      else if (!this.parts.unsent.isEmpty) this.later();
    });
  }

  /** Sends what is kept now and is due, one first, since most often that shows that the store is still away. Resolves to the last error; never rejects. */
  private async attempt(): Promise<unknown> {
    const { report, unsent } = this.parts;
    const sent: Sent = { keys: 0, tags: 0, everything: false, outdated: new Set() };
    let last: unknown;
    let refusal: unknown;
    let isAway = false;
    const trying = async ({ what, tell }: Send): Promise<void> => {
      if (isAway) return;
      await tell().catch((error: unknown) => {
        last = error;
        isAway ||= !isRefusal(error);
        if (isAway) return void this.foundAway.add(what);
        // One that the store refuses must not keep the others from being sent.
        refusal = error;
        this.refusals.add(what);
      });
    };
    const isDue = ({ what }: Send): boolean => this.refusals.isDue(what);
    await inBatches(this.everything(sent).filter(isDue), trying);
    const due = this.byTurns(this.each(sent).filter(isDue));
    await inBatches(due.slice(0, 1), trying);
    await inBatches(due.slice(1), trying);
    if (sent.keys + sent.tags > 0 || sent.everything) {
      this.refusals.forget();
      const { keys, tags, everything } = sent;
      report({ type: 'announcement-made-up', keys, tags, everything, unsent: unsent.count });
    }
    this.tellRefusal(refusal);
    this.refresh(sent.outdated);
    return last;
  }

  private byTurns(sends: readonly Send[]): Send[] {
    const wasAway = ({ what }: Send): boolean => this.foundAway.has(what);
    if (sends.every(wasAway)) this.foundAway = new WeakSet();
    return [...sends].sort((a, b) => Number(wasAway(a)) - Number(wasAway(b)));
  }

  /** What the made up announcements have outdated. As long as anything is kept, nothing that is loaded might be stored. */
  private refresh(outdated: ReadonlySet<string>): void {
    const { refresh, unsent } = this.parts;
    if (this.closed || !unsent.isEmpty) return;
    void inBatches([...outdated], refresh);
  }

  private everything(sent: Sent): Send[] {
    const { tell, unsent } = this.parts;
    const all = unsent.everything;
    if (all === undefined) return [];
    const send = async (): Promise<void> => {
      await tell.everything();
      unsent.everythingSent(all);
      sent.everything = true;
    };
    return [{ what: all, tell: send }];
  }

  private each(sent: Sent): Send[] {
    const { tell, unsent } = this.parts;
    return [
      ...unsent.keys.map(([key, words]): Send => {
        const send = async (): Promise<void> => {
          await inTurn(words, (change) => tell.key(key, change));
          unsent.keySent(key, words);
          sent.keys++;
          sent.outdated.add(key);
        };
        return { what: words, tell: send };
      }),
      ...unsent.tags.map(([tag, words]): Send => {
        const send = async (): Promise<void> => {
          await inTurn(words, async (change) => {
            for (const key of await tell.tag({ tag, ...change })) sent.outdated.add(key);
          });
          unsent.tagSent(tag, words);
          sent.tags++;
        };
        return { what: words, tell: send };
      }),
    ];
  }

  /** Once, until everything is out. */
  private tellRefusal(error: unknown): void {
    const { report, unsent } = this.parts;
    if (unsent.isEmpty) this.toldRefused = false;
    else if (error !== undefined && !this.toldRefused) {
      this.toldRefused = true;
      report({ type: 'announcements-refused', unsent: unsent.count, error });
    }
  }
}

interface Sent {
  keys: number;
  tags: number;
  everything: boolean;
  /** Keys that were among them, or that their tags led to. */
  readonly outdated: Set<string>;
}

interface Send {
  /** What is kept of it: other words of the same key or tag are another. */
  readonly what: object;
  readonly tell: () => Promise<void>;
}

/** The store has answered, and does not do it. */
function isRefusal(error: unknown): boolean {
  return error instanceof StoreUnavailableError && error.refused;
}

async function inTurn(words: Words, tell: (change: KeyChange) => Promise<void>): Promise<void> {
  for (const change of words) await tell(change);
}
