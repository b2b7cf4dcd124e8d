/**
 * The columns by which an insert may find a row that is there already; none when the statement does not name them, undefined when it is a plain insert.
 */
export function upsertTarget(sql: string): readonly string[] | undefined {
  if (/\bON DUPLICATE KEY UPDATE\b/i.test(sql)) return [];
  const conflict = /\bON CONFLICT\b([^)]*\))?[^"'`]*\bDO UPDATE\b/i.exec(sql);
  if (conflict === null) return undefined;
  return [...(conflict[1] ?? '').matchAll(/["`]([^"`]+)["`]/g)].map(([, column]) => column ?? '');
}
