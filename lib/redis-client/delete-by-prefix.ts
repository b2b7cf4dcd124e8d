import { systemClock } from '../core/clock.js';
import { withDeadline } from '../core/deadline.js';

const SCAN_COUNT = '500';
/** How long each command of the walk may take, which has no deadline as a whole: a server that is frozen says nothing at all. */
const COMMAND_TIMEOUT_MS = 5_000;

/** One primary, as far as deleting by prefix goes. */
export interface Primary {
  send(args: readonly string[]): Promise<unknown>;
  /** Deletes keys found on this primary. */
  unlink(keys: readonly string[]): Promise<unknown>;
}

/** The text, in a form in which MATCH takes every character literally. */
function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&');
}

/** SCAN and UNLINK, so that no single command holds the server up. Keys that appear meanwhile may be missed. */
export async function deleteByPrefix(primary: Primary, prefix: string): Promise<void> {
  const pattern = `${escapeGlob(prefix)}*`;
  let cursor = '0';
  do {
    const page = scanPage(await inTime(primary.send(['SCAN', cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT])));
    if (page.keys.length > 0) await inTime(primary.unlink(page.keys));
    cursor = page.cursor;
  } while (cursor !== '0');
}

/** What a walk asks of a server, within its deadline. */
export function inTime<T>(answer: Promise<T>): Promise<T> {
  return withDeadline(
    systemClock,
    answer,
    COMMAND_TIMEOUT_MS,
    () => new Error(`Redis did not answer within ${COMMAND_TIMEOUT_MS} ms while keys were deleted`),
  );
}

function scanPage(reply: unknown): { cursor: string; keys: string[] } {
  if (!Array.isArray(reply) || !Array.isArray(reply[1]))
    throw new Error('SCAN was not answered with a cursor and a list of keys');
  return { cursor: String(reply[0]), keys: reply[1].map(String) };
}
