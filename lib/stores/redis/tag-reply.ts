import { CorruptEntryError } from '../../core/errors.js';
import type { TagOutcome } from '../../core/versioned-store.js';

export function parseRegister(reply: unknown): TagOutcome {
  const [outcome, beforeMs] = parseAnnounce(reply);
  if (outcome === 'announced' || outcome === 'full') return { registered: false, reason: outcome };
  if (outcome !== 'registered') throw new CorruptEntryError(`A tag was answered with ${String(outcome)}`);
  return { registered: true, ...(beforeMs !== undefined && { announcedBeforeMs: Number(beforeMs) }) };
}

/** A client may be set to return buffers. */
export function parseAnnounce(reply: unknown): string[] {
  if (!Array.isArray(reply)) throw new CorruptEntryError(`A tag was answered with a ${typeof reply}, expected a list`);
  return reply.map((item: unknown) => (item instanceof Uint8Array ? Buffer.from(item).toString() : String(item)));
}
