import { cpus } from 'node:os';
import type { Row } from './row.js';

const HEADS = ['part', 'what', 'budget', 'measured', '', 'noise'];

function cells({ part, what, budget, measured, verdict, noise }: Row): string[] {
  return [part, what, budget, measured, verdict === 'reported' ? '' : verdict, noise ?? ''];
}

/** A table for the terminal. */
export function asTable(rows: readonly Row[]): string {
  const lines = [HEADS, ...rows.map(cells)];
  const widths = HEADS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const written = lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  return [written[0], rule, ...written.slice(1)].join('\n');
}

/** The same for a document. */
export function asMarkdown(rows: readonly Row[]): string {
  const lines = [HEADS, HEADS.map(() => '---'), ...rows.map(cells)];
  return lines.map((line) => `| ${line.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n');
}

/** What of the machine the figures depend on. */
export function machine(): string {
  const { node, v8 } = process.versions;
  const cores = cpus();
  return `Node ${node} (V8 ${v8}) on ${process.platform} ${process.arch}, ${cores.length} cores${cores[0] ? ` (${cores[0].model.trim()})` : ''}`;
}

/** A broken count is a failure on any machine; a time that misses its budget on this one is information. */
export function exitCode(rows: readonly Row[]): number {
  return rows.some(({ kind, verdict }) => kind !== 'time' && verdict === 'missed') ? 1 : 0;
}
