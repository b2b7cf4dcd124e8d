import type { TagChange } from '../../core/tagging.js';

/** `[tag]`, or `[tag, change, kind, order]`; what is unknown is null. */
type Written = [tag: string, change?: string | null, kind?: string | null, order?: string | null];

const CHANGES = ['changed', 'removed', 'inserted'] as const;

export function writeChanges(changes: readonly TagChange[]): string {
  return JSON.stringify(
    changes.map(({ tag, change, version }): Written => {
      if (change === undefined && version === undefined) return [tag];
      return [tag, change ?? null, version?.kind ?? null, version === undefined ? null : String(version.order)];
    }),
  );
}

/** Undefined when it is not what this release writes. */
export function readChanges(text: unknown): TagChange[] | undefined {
  try {
    const written: unknown = JSON.parse(String(text));
    return Array.isArray(written) ? written.map(readChange) : undefined;
  } catch {
    return undefined;
  }
}

function readChange(written: unknown): TagChange {
  const [tag, given, kind, order] = written as Written;
  if (typeof tag !== 'string') throw new TypeError('a change without a tag');
  const change = CHANGES.find((known) => known === given);
  if (typeof given === 'string' && change === undefined) throw new TypeError('an unknown kind of change');
  return {
    tag,
    ...(change !== undefined && { change }),
    ...(typeof kind === 'string' && typeof order === 'string' && { version: { kind, order: BigInt(order) } }),
  };
}
