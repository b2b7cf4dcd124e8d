/**
 * The columns by which an insert may find a row that is there already; none when the statement does not name them, undefined when it is a plain insert.
 */
export function upsertTarget(sql: string): readonly string[] | undefined {
  if (/\bON DUPLICATE KEY UPDATE\b/i.test(sql)) return [];
  const target = /\bON CONFLICT\b([\s\S]*?)\bDO UPDATE\b/i.exec(sql)?.[1];
  if (target === undefined) return undefined;
  const columns = /^\s*\(([^)]*)\)/.exec(target)?.[1] ?? '';
  return [...columns.matchAll(/["`]([^"`]+)["`]/g)].map(([, column]) => column ?? '');
}
