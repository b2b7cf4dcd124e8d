import type { ChangeKind, LoadMark } from '../core/versioned-store.js';
import type { Version } from '../core/version.js';

/** One thing that happened to a key. Times are whole numbers of the history's own; a thing with a life of `n` is gone `n` later. */
type Happening =
  | { readonly at: number; readonly what: 'leased'; readonly lease: string; readonly until: number }
  | ({
      readonly at: number;
      readonly what: 'stored';
      readonly payload: string;
      readonly version: Version | undefined;
      readonly tags: string | undefined;
    } & { readonly fillId: string | undefined; readonly freshUntil: number; readonly keptUntil: number })
  | {
      readonly at: number;
      readonly what: 'marked';
      readonly lease: string;
      readonly mark: LoadMark;
      readonly until: number;
    }
  | {
      readonly at: number;
      readonly what: 'announced';
      readonly version: Version | undefined;
      readonly change: ChangeKind;
      readonly until: number;
    };

type Of<What extends Happening['what']> = Extract<Happening, { what: What }>;

/** What a reader sees: of times only on which side of now they lie. */
export interface Seen {
  readonly value?: { readonly payload: string; readonly version: Version | undefined; readonly fresh: boolean };
  readonly lease?: string;
  readonly loading: boolean;
  readonly mark?: LoadMark;
}

export type ReferenceBegin =
  | { readonly kind: 'fresh'; readonly payload: string }
  | { readonly kind: 'failed'; readonly mark: LoadMark }
  | { readonly kind: 'lease'; readonly lease: string; readonly existed: boolean; readonly loading: boolean };

export type ReferenceFill =
  | { readonly stored: true }
  | {
      readonly stored: false;
      readonly reason: string;
      readonly floor?: Version | undefined;
      readonly current?: string;
    };

export interface ReferenceFillArgs {
  readonly lease: string;
  readonly begunAt: number;
  readonly fillId: string;
  readonly payload: string;
  readonly version: Version | undefined;
  readonly tags: string | undefined;
  readonly freshFor: number;
  readonly staleFor: number;
}

/**
 * What the protocol says, told as slowly and plainly as possible: the key's past is a list of what happened, and every answer is looked up
 * in it. Stores are compared with this step by step, so it shares no code and no idea with them.
 *
 * `remembersPassedValues`: a value past its stale life still lends its version to the floor, and still knows its own fill, as long as
 * something else keeps the state alive. A store may forget it (`false`) or not (`true`).
 */
export class ReferenceStore {
  readonly #remembersPassedValues: boolean;
  #past: Happening[] = [];

  constructor({ remembersPassedValues }: { readonly remembersPassedValues: boolean }) {
    this.#remembersPassedValues = remembersPassedValues;
  }

  /** Everything is forgotten: an eviction, or `clear`. */
  lose(): void {
    this.#past = [];
  }

  read(now: number): Seen {
    this.#forget(now);
    const value = this.#value(now);
    const lease = this.#lease(now);
    const mark = this.#mark(now);
    return {
      ...(value && { value: { payload: value.payload, version: value.version, fresh: value.freshUntil > now } }),
      ...(lease !== undefined && { lease }),
      loading: lease !== undefined && this.#loading(lease),
      ...(mark && { mark }),
    };
  }

  begin(now: number, lease: string, leaseFor: number): ReferenceBegin {
    const seen = this.read(now);
    if (seen.value?.fresh === true) return { kind: 'fresh', payload: seen.value.payload };
    if (seen.mark?.kind === 'failed') return { kind: 'failed', mark: seen.mark };
    const given = seen.lease ?? lease;
    this.#past.push({ at: now, what: 'leased', lease: given, until: now + leaseFor });
    return { kind: 'lease', lease: given, existed: given !== lease, loading: given !== lease && seen.loading };
  }

  fill(now: number, args: ReferenceFillArgs): ReferenceFill {
    const seen = this.read(now);
    if (this.#past.length === 0) return { stored: false, reason: 'evicted' };
    if (this.#rememberedValue(now)?.fillId === args.fillId) return { stored: true };
    if (seen.lease !== args.lease) {
      return seen.value?.fresh === true
        ? { stored: false, reason: 'filled', current: seen.value.payload }
        : { stored: false, reason: 'invalidated' };
    }
    const against = this.#against(now, args.version);
    if (against) return { stored: false, reason: 'older', floor: against };
    const { payload, version, tags, fillId } = args;
    const freshUntil = Math.min(args.begunAt, now) + args.freshFor;
    this.#past.push({
      at: now,
      what: 'stored',
      payload,
      version,
      tags,
      fillId,
      freshUntil,
      keptUntil: freshUntil + args.staleFor,
    });
    return { stored: true };
  }

  mark(now: number, lease: string, mark: LoadMark, markFor: number): void {
    if (this.read(now).lease === lease) this.#past.push({ at: now, what: 'marked', lease, mark, until: now + markFor });
  }

  invalidate(now: number, version: Version | undefined, change: ChangeKind, floorFor: number): void {
    this.#forget(now);
    this.#past.push({ at: now, what: 'announced', version, change, until: now + floorFor });
  }

  set(
    now: number,
    args: Omit<ReferenceFillArgs, 'lease' | 'fillId' | 'begunAt'> & {
      readonly version: Version;
      readonly floorFor: number;
    },
  ): string {
    const { payload, version, tags } = args;
    const there = this.#value(now);
    const isOlder = there?.version?.kind === version.kind && there.version.order < version.order;
    if (!isOlder || there.tags !== tags || this.#against(now, version)) {
      this.invalidate(now, version, 'changed', args.floorFor);
      return 'invalidated';
    }
    const freshUntil = now + args.freshFor;
    this.#past.push({
      at: now,
      what: 'stored',
      payload,
      version,
      tags,
      fillId: undefined,
      freshUntil,
      keptUntil: freshUntil + args.staleFor,
    });
    return 'stored';
  }

  /** The state is gone when nothing in it lives any more, and with it all memory. Nothing happens between two steps but time. */
  #forget(now: number): void {
    const { lease, mark, value } = { lease: this.#lease(now), mark: this.#mark(now), value: this.#value(now) };
    const tombstone = this.#last('announced', 'stored');
    const tombstoned = tombstone?.what === 'announced' && tombstone.until > now;
    if (lease === undefined && !mark && !value && !tombstoned && !this.#floor(now)) this.#past = [];
  }

  /** The latest happening of these kinds. */
  #last(...kinds: readonly Happening['what'][]): Happening | undefined {
    return this.#past.findLast(({ what }) => kinds.includes(what));
  }

  #lease(now: number): string | undefined {
    const wipedBy = this.#past.findLastIndex(({ what }) => what === 'stored' || what === 'announced');
    const leased = this.#past.slice(wipedBy + 1).filter((one) => one.what === 'leased');
    const last = leased.at(-1)?.lease;
    return leased.some((one) => one.lease === last && one.until > now) ? last : undefined;
  }

  #loading(lease: string): boolean {
    return (
      this.#past.findLast((one) => (one.what === 'leased' || one.what === 'marked') && one.lease === lease)?.what ===
      'leased'
    );
  }

  #mark(now: number): LoadMark | undefined {
    const last = this.#last('marked', 'stored', 'announced');
    return last?.what === 'marked' && last.until > now ? last.mark : undefined;
  }

  #value(now: number): Of<'stored'> | undefined {
    const last = this.#last('stored', 'announced');
    return last?.what === 'stored' && last.keptUntil > now ? last : undefined;
  }

  #rememberedValue(now: number, before = this.#past.length): Of<'stored'> | undefined {
    const last = this.#past.slice(0, before).findLast(({ what }) => what === 'stored' || what === 'announced');
    return last?.what === 'stored' && (this.#remembersPassedValues || last.keptUntil > now) ? last : undefined;
  }

  /** The version that forbids storing `version`; of two that do, the higher. */
  #against(now: number, version: Version | undefined): Version | undefined {
    if (!version) return undefined;
    const floor = this.#floor(now);
    const there = this.#value(now)?.version;
    const refusing: Version[] = [];
    if (floor?.version.kind === version.kind) {
      if (version.order < floor.version.order || (floor.exclusive && version.order === floor.version.order))
        refusing.push(floor.version);
    }
    if (there?.kind === version.kind && version.order < there.order) refusing.push(there);
    return refusing.sort((a, b) => (a.order < b.order ? 1 : -1))[0];
  }

  /**
   * The announced floor: the announcements are told again from the first one, each on top of what was in force when it was made. A reborn
   * row's insert stands for itself; all others are ranked: a higher version first, and of equals the one that came first keeps its time.
   */
  #floor(now: number): { version: Version; exclusive: boolean; until: number } | undefined {
    let inForce: { version: Version; exclusive: boolean; until: number } | undefined;
    for (const [index, told] of this.#past.entries()) {
      if (told.what !== 'announced') continue;
      if (inForce && inForce.until <= told.at) inForce = undefined;
      const announced = told.version && {
        version: told.version,
        exclusive: told.change === 'removed',
        until: told.until,
      };
      if (told.change === 'inserted' && inForce?.exclusive) {
        inForce = announced;
        continue;
      }
      const value = this.#rememberedValue(told.at, index)?.version;
      const kind = (announced?.version ?? value ?? inForce?.version)?.kind;
      const known = [inForce, value && { version: value, exclusive: false, until: told.until }, announced];
      const rivals = known.filter((one) => one !== undefined).filter((one) => one.version.kind === kind);
      const top = rivals.reduce<bigint>((most, one) => (one.version.order > most ? one.version.order : most), -1n);
      const winners = rivals.filter((one) => one.version.order === top);
      inForce = winners[0] && { ...winners[0], exclusive: winners.some(({ exclusive }) => exclusive) };
    }
    return inForce && inForce.until > now ? inForce : undefined;
  }
}
