import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import type { CacheEvent } from '../../../lib/core/cache-event.js';
import { LockAuthError } from '../../../lib/core/errors.js';
import { LogObserver } from '../../../lib/observability/log-observer.js';
import { INSTRUMENTS } from '../../../lib/observability/opentelemetry/instruments.js';
import { SPAN_NAMES } from '../../../lib/observability/opentelemetry/otel-cache-tracer.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';
import { EVERY_EVENT } from '../../support/every-event.js';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const page = read('docs/observability.md');

/** The cells of the table below a heading, a list for each row. */
function table(heading: string): string[][] {
  const section = page.split(/^#{2,3} /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const code = (cell: string | undefined): string[] =>
  [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);

interface Member {
  readonly type: string;
  readonly fields: string[];
  readonly comment: string;
}

/** The union as it is written. */
function union(): Member[] {
  const text = read('lib/core/cache-event.ts');
  const source = ts.createSourceFile('cache-event.ts', text, ts.ScriptTarget.Latest, true);
  const alias = source.statements.filter(ts.isTypeAliasDeclaration).find(({ name }) => name.text === 'CacheEvent');
  if (alias === undefined || !ts.isUnionTypeNode(alias.type)) throw new Error('CacheEvent is no union');
  return alias.type.types.filter(ts.isTypeLiteralNode).map((member) => {
    const properties = member.members.filter(ts.isPropertySignature);
    const [type] = properties;
    const before = text.slice(0, text.lastIndexOf('|', member.getStart())).trimEnd();
    return {
      type: /'([\w-]+)'/.exec(type?.type?.getText() ?? '')?.[1] ?? '',
      fields: properties.slice(1).map(({ name, questionToken }) => name.getText() + (questionToken ? '?' : '')),
      comment: before.endsWith('*/') ? before.slice(before.lastIndexOf('/**')) : '',
    };
  });
}

describe('docs/observability.md', () => {
  it('lists every event with its fields, and each is explained in the union too', () => {
    const members = union();
    expect(members.map(({ type }) => type).sort()).toEqual(Object.keys(EVERY_EVENT).sort());
    const told = table('Events').map(([name, , fields]) => ({ type: code(name)[0], fields: code(fields).sort() }));
    expect(told).toEqual(members.map(({ type, fields }) => ({ type, fields: [...fields].sort() })));
    expect(members.filter(({ comment }) => comment === '').map(({ type }) => type)).toEqual([]);
  });

  it('lists every metric with its kind, unit and what it is', () => {
    const told = table('The metrics').map(([name, kind, unit]) => [code(name)[0], kind, code(unit)[0]]);
    expect(told).toEqual(Object.entries(INSTRUMENTS).map(([name, { kind, unit }]) => [name, kind, unit]));
  });

  it('lists every span', () => {
    expect(table('The spans').map(([name]) => code(name)[0])).toEqual(Object.values(SPAN_NAMES));
  });

  it('lists every line of the log, and none that is not written', async () => {
    const patterns = table('Log lines').map(([line, level]) => ({
      level,
      line: code(line)[0] ?? '',
      pattern: new RegExp(
        `^${(code(line)[0] ?? '')
          .split('…')
          .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
          .join('.*')}$`,
      ),
    }));
    const lines = await everyLine();
    const unexplained = lines.filter(
      ({ level, text }) => !patterns.some((told) => told.level === level && told.pattern.test(text)),
    );
    expect(unexplained).toEqual([]);
    const unused = patterns.filter((told) => !lines.some(({ text }) => told.pattern.test(text)));
    expect(unused.map(({ line }) => line)).toEqual([]);
  });
});

async function everyLine(): Promise<{ level: string; text: string }[]> {
  const lines: { level: string; text: string }[] = [];
  const write = (level: string) => (text: string) => void lines.push({ level, text });
  const clock = new ManualClock();
  const reasons = ['too-large', 'tag-full', 'tags-unknown'] as const;
  const states = ['suspended', 'lost', 'auth-failed'] as const;
  const more: CacheEvent[] = [
    ...reasons.map((reason): CacheEvent => ({ type: 'not-stored', key: 'k', reason })),
    { type: 'lock-unavailable', key: 'k', error: new LockAuthError('refused') },
    ...states.map((state): CacheEvent => ({ type: 'lock-state', provider: 'zookeeper', state, previous: 'connected' })),
  ];
  const { 'lock-state': connected, hit, 'lock-acquired': acquired, 'announcement-made-up': madeUp } = EVERY_EVENT;
  // Each alone, so that none hides another, and each followed by what says that its part is back.
  for (const event of [...Object.values(EVERY_EVENT), ...more]) {
    for (const back of [connected, hit, acquired, madeUp]) {
      const observer = new LogObserver({ log: write('log'), warn: write('warn') }, clock);
      observer.observe(event);
      await clock.advance(1);
      observer.observe(back);
    }
  }
  return lines;
}
