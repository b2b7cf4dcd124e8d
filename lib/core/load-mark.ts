import { isErrorDescription } from './error-description.js';
import type { LoadMark } from './versioned-store.js';

/** Whether what a store has is a mark that a load may have left. */
export function isLoadMark(value: unknown): value is LoadMark {
  if (typeof value !== 'object' || value === null) return false;
  const { error, id, kind } = value as Record<string, unknown>;
  const isKind = kind === 'failed' || kind === 'unstored';
  return isKind && typeof id === 'string' && (error === undefined || isErrorDescription(error));
}
