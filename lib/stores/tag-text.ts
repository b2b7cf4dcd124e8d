import { TagState } from '../core/tag-state.js';

const FORMAT = 'tag-state-1';

/** A tag as text, for stores that keep only what survives JSON. */
export function tagToText({ keys, announced }: TagState): string {
  return JSON.stringify({ format: FORMAT, keys: [...keys], announced });
}

/** A new tag when the text is not one of ours. */
export function tagFromText(text: unknown): TagState {
  if (typeof text !== 'string') return new TagState();
  try {
    const { format, keys, announced } = JSON.parse(text) as {
      format?: unknown;
      keys: [string, number][];
      announced?: { at: number; until: number };
    };
    return format === FORMAT ? new TagState(new Map(keys), announced) : new TagState();
  } catch {
    return new TagState();
  }
}
