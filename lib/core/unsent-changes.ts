import type { KeyChange, TagChange } from './tagging.js';
import { compareVersions } from './version.js';

/** What one key or tag still has to be told, in order; see {@link merged}. */
export type Words = readonly KeyChange[];

/** How many announcements are kept. */
export interface UnsentCount {
  readonly keys: number;
  readonly tags: number;
  /** There were too many, or `clear()` was one of them: the namespace will be cleared instead. */
  readonly everything: boolean;
}

/**
 * Announcements that the store has not got yet. They are bounded: one key or tag counts once, however often it changes, and what would be too much becomes "everything". Until they are out, what is
 * stored under a key that one of them may concern is not to be believed in this process.
 */
export class UnsentChanges {
  private readonly byKey = new Map<string, Words>();
  private readonly byTag = new Map<string, Words>();
  private all: object | undefined;

  /** @param max keys and tags together */
  constructor(private readonly max: number) {}

  get isEmpty(): boolean {
    return this.all === undefined && this.byKey.size === 0 && this.byTag.size === 0;
  }

  get count(): UnsentCount {
    return { keys: this.byKey.size, tags: this.byTag.size, everything: this.all !== undefined };
  }

  /** Which keys a tag leads to is known to the store alone: so one tag concerns all of them. */
  concerns(key: string): boolean {
    return this.all !== undefined || this.byTag.size > 0 || this.byKey.has(key);
  }

  /** False: they have become too many with this one. */
  addKey(key: string, change: KeyChange): boolean {
    return this.add(this.byKey, key, change);
  }

  /** False: they have become too many with this one. */
  addTag({ tag, ...change }: TagChange): boolean {
    return this.add(this.byTag, tag, change);
  }

  /**
   * A change of this key is about to be told directly. Where it or something kept before it is a birth it is kept too, so that the store hears of it once more:
   *   1. a removal at version 5 is kept; 2. its row is born again at version 1, and the store is told; 3. it is told of the removal, whose floor would refuse the row for as long as it lives.
   * Or 1. a birth is kept; 2. the row is removed, and the store is told; 3. it is told of the birth, which replaces the floor of that removal, and lets in what a replica that lags still has.
   */
  beforeTellingKey(key: string, change: KeyChange): void {
    if (isBesideBirth(this.byKey.get(key), change)) this.addKey(key, change);
  }

  /** As {@link beforeTellingKey}. */
  beforeTellingTag(change: TagChange): void {
    if (isBesideBirth(this.byTag.get(change.tag), change)) this.addTag(change);
  }

  /** All of the namespace. It takes the place of what was kept before. */
  addEverything(): void {
    this.byKey.clear();
    this.byTag.clear();
    this.all = {};
  }

  get keys(): readonly (readonly [key: string, Words])[] {
    return [...this.byKey];
  }

  get tags(): readonly (readonly [tag: string, Words])[] {
    return [...this.byTag];
  }

  /** Names what "everything" stands for now: whatever is added afterwards is not in it. */
  get everything(): object | undefined {
    return this.all;
  }

  /** The store has these words. What was added to them while they were on their way stays. */
  keySent(key: string, words: Words): void {
    if (this.byKey.get(key) === words) this.byKey.delete(key);
  }

  /** As {@link keySent}. */
  tagSent(tag: string, words: Words): void {
    if (this.byTag.get(tag) === words) this.byTag.delete(tag);
  }

  /** As {@link keySent}. */
  everythingSent(sent: object): void {
    if (this.all === sent) this.all = undefined;
  }

  private add(words: Map<string, Words>, name: string, change: KeyChange): boolean {
    if (this.all !== undefined) {
      // A clear() that is on its way may come too late for this one.
      this.all = {};
      return true;
    }
    words.set(name, merged(words.get(name), change));
    if (this.byKey.size + this.byTag.size <= this.max) return true;
    this.addEverything();
    return false;
  }
}

/**
 * What the store has to be told instead of one change after the other: the highest version. But a row that was removed may be born again at version 1, and the store has to hear of both: the removal, whose floor
 * refuses whatever was read before, and the birth, which replaces that floor. So there are two words at most.
 */
export function merged(words: Words | undefined, next: KeyChange): Words {
  const [first, second] = words ?? [];
  if (first === undefined) return [next];
  if (isBirthAfter(words, next)) return [second === undefined ? first : joined(first, second), next];
  return second === undefined ? [joined(first, next)] : [first, joined(second, next)];
}

function isBirthAfter(words: Words | undefined, { change }: KeyChange): boolean {
  const last = words?.at(-1);
  return change === 'inserted' && last !== undefined && last.change !== 'inserted';
}

function isBesideBirth(words: Words | undefined, next: KeyChange): boolean {
  return words?.at(-1)?.change === 'inserted' || isBirthAfter(words, next);
}

function joined(before: KeyChange, after: KeyChange): KeyChange {
  const isLower = (compareVersions(before.version, after.version) ?? -1) > 0;
  // Versions of different kinds do not compare: the later one counts, as in the store.
  const version = isLower ? before.version : (after.version ?? before.version);
  const removedAtIt = [before, after].some(
    (each) => each.change === 'removed' && compareVersions(each.version, version) === 0,
  );
  // A birth still has to replace what a removal before it has left.
  const change = removedAtIt ? 'removed' : before.change === 'inserted' ? 'inserted' : 'changed';
  return { ...(version !== undefined && { version }), change };
}
