import type { HistoryRecord } from './history.js';

/** How often each thing happened, by a name that says what: a run in which nothing happened proves nothing. */
export type Summary = Readonly<Record<string, number>>;

export function summarize(history: readonly HistoryRecord[]): Summary {
  const counts = new Map<string, number>();
  const count = (name: string): void => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  };
  for (const record of history) {
    for (const name of namesOf(record)) count(name);
  }
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function namesOf(record: HistoryRecord): string[] {
  switch (record.t) {
    case 'read':
      return [
        'read',
        `read: ${record.outcome}`,
        ...(record.entry.startsWith('list') ? ['read: list', `read: list, ${record.outcome}`] : []),
        ...(Object.values(record.seen).includes(null) ? ['read: a row is missing'] : []),
        ...(record.blind ? ['read: blind'] : []),
        ...(record.blind && record.joined ? ['read: blind and joined'] : []),
        ...(record.last === true ? ['read: last'] : []),
      ];
    case 'read-failed':
      return [`read failed: ${record.error.split(':')[0]!}`];
    case 'announced':
      return ['announced', `announced: ${record.how}`, `announced: ${record.what}`];
    case 'event':
      return [record.reason === undefined ? record.type : `${record.type}: ${record.reason}`];
    case 'fault':
      return [`fault: ${record.kind}`];
    default:
      return [record.t];
  }
}
