const SCAN_COUNT = '500';

/** One primary, as far as deleting by prefix goes. */
export interface Primary {
  send(args: readonly string[]): Promise<unknown>;
  /** Deletes keys found on this primary. */
  unlink(keys: readonly string[]): Promise<unknown>;
}

/** The text, in a form in which MATCH takes every character literally. */
export function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&');
}

/** SCAN and UNLINK, so that no single command holds the server up. Keys that appear meanwhile may be missed. */
export async function deleteByPrefix(primary: Primary, prefix: string): Promise<void> {
  const pattern = `${escapeGlob(prefix)}*`;
  let cursor = '0';
  do {
    const page = scanPage(await primary.send(['SCAN', cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT]));
    if (page.keys.length > 0) await primary.unlink(page.keys);
    cursor = page.cursor;
  } while (cursor !== '0');
}

function scanPage(reply: unknown): { cursor: string; keys: string[] } {
  if (!Array.isArray(reply) || !Array.isArray(reply[1]))
    throw new Error('SCAN was not answered with a cursor and a list of keys');
  return { cursor: String(reply[0]), keys: reply[1].map(String) };
}
