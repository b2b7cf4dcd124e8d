import type { EntryState } from '../core/cache-entry.js';
import { isLoadMark } from '../core/load-mark.js';

const FORMAT = 'entry-state-1';

/**
 * A state as text, for stores that keep only what survives JSON. The only bigints in it, the `order` of versions, travel as decimal
 * text; payloads are texts already and are not looked into.
 */
export function stateToText(state: EntryState): string {
  return JSON.stringify({ format: FORMAT, state }, (_name, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
}

/** Undefined when the text is not a state of ours: it is then treated as evicted, which is always safe. */
export function stateFromText(text: unknown): EntryState | undefined {
  if (typeof text !== 'string') return undefined;
  try {
    const { format, state } = JSON.parse(text) as { format?: unknown; state?: unknown };
    if (format !== FORMAT || typeof state !== 'object' || state === null) return undefined;
    const { value, floor, ...rest } = state as EntryState;
    if (rest.mark !== undefined && !isLoadMark(rest.mark.mark)) return undefined;
    return {
      ...rest,
      ...(value !== undefined && {
        value: value.version === undefined ? value : { ...value, version: exact(value.version) },
      }),
      ...(floor !== undefined && { floor: { ...floor, version: exact(floor.version) } }),
    };
  } catch {
    return undefined;
  }
}

function exact(version: { readonly kind: string; readonly order: bigint | string }): { kind: string; order: bigint } {
  return { kind: version.kind, order: BigInt(version.order) };
}
