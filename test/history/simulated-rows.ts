import type { LoadRequest } from '../../lib/core/load-request.js';
import type { ChangeKind } from '../../lib/core/versioned-store.js';
import type { Version } from '../../lib/core/version.js';
import type { SeededRandom } from '../../lib/testing/seeded-random.js';

export const KEY = 'k';
/** Contains the row, and has a version of its own, which most changes of the row leave as it is. */
export const PAGE = 'page';
export const ROW_TAG = 'row k';
export const PAGE_TAG = 'part k';

export type Entry = typeof KEY | typeof PAGE;

const MISSING = 'there is no row k';
/** A query takes as long as some requests to the store, or as many, so that changes overtake it. */
const QUERY_STEPS = [2, 6, 40] as const;

/** Whether whoever reads may also ask for a version alone. */
export type Renews = 'never' | 'sometimes' | 'always';

interface Row {
  readonly version: number;
}
interface Page {
  readonly own: number;
  readonly row: number | null;
}

export interface SimulatedChange {
  readonly stamp: number;
  readonly what: ChangeKind;
  /** What the change gave the row; of a removed one, the last that it had. */
  readonly version: Version;
}

/** The database of a simulation: a row that changes, goes and comes again, and a page that shows it. */
export class SimulatedRows {
  /** Of the row as it is; null: there is none. */
  stamp: number | null = 1;
  private stamps = 1;
  private pageVersion = 1;

  constructor(
    private readonly random: SeededRandom,
    private readonly traits: { readonly renews: Renews; readonly tagged: boolean },
    /** Passes when the scheduler picks it. */
    private readonly step: () => Promise<void>,
  ) {}

  /** Commits a change. */
  change(removes: boolean): SimulatedChange {
    const before = this.stamps++;
    const what = this.stamp === null ? 'inserted' : removes ? 'removed' : 'changed';
    this.stamp = what === 'removed' ? null : this.stamps;
    if (this.random.below(8) === 0) this.pageVersion += 1;
    return { stamp: this.stamps, what, version: asVersion(what === 'removed' ? before : this.stamps) };
  }

  /** How an entry is read: by a load, or where that is enough by a query for its version alone. */
  request(entry: Entry): Pick<LoadRequest<unknown>, 'loader' | 'versionOf' | 'currentVersion' | 'tagsOf'> {
    const { renews, tagged } = this.traits;
    const mayRenew = renews === 'always' || (renews === 'sometimes' && this.random.below(2) === 0);
    if (entry === KEY) {
      const throws = this.random.below(2) === 0;
      return {
        loader: () => this.loadRow(throws),
        ...(tagged && { versionOf: (row) => asVersion((row as Row | null)?.version), tagsOf: () => [ROW_TAG] }),
        ...(mayRenew && { currentVersion: () => this.query(() => asVersion(this.stamp)) }),
      };
    }
    return {
      loader: () => this.query((): Page => ({ own: this.pageVersion, row: this.stamp })),
      versionOf: (page) => asVersion((page as Page).own),
      ...(tagged && { tagsOf: () => [PAGE_TAG] }),
      ...(mayRenew && { currentVersion: () => this.query(() => asVersion(this.pageVersion)) }),
    };
  }

  private async loadRow(throws: boolean): Promise<Row | null> {
    const version = await this.query(() => this.stamp);
    if (version === null && throws) throw new Error(MISSING);
    return version === null ? null : { version };
  }

  private async query<T>(read: () => T): Promise<T> {
    await this.step();
    const result = read();
    for (let step = this.random.pick(QUERY_STEPS); step > 0; step--) await this.step();
    return result;
  }
}

/** What an answer says of the row. */
export function stampIn(answer: unknown): number | null {
  const { version, row } = (answer ?? { version: null }) as Partial<Row & Page>;
  return version ?? row ?? null;
}

/** Whether an error says that there is no row, in the words of this load or of another. */
export function isMissing(error: unknown): boolean {
  return String(error).includes(MISSING);
}

export function asVersion(order: number): Version;
export function asVersion(order: number | null | undefined): Version | undefined;
export function asVersion(order: number | null | undefined): Version | undefined {
  return order === null || order === undefined ? undefined : { kind: 'version', order: BigInt(order) };
}
