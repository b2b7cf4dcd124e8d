import { describe, expect, it } from 'vitest';
import { explainBadPath, lockNodePath, parentOf } from '../../../../lib/locks/zookeeper/node-path.js';

describe('lockNodePath', () => {
  it('gives every key a short name of its own, in letters that ZooKeeper takes', () => {
    const keys = [
      '',
      'a',
      'A',
      'a\0b',
      'a/b',
      '..',
      '\u00e9',
      'e\u0301',
      '😀',
      '\ud83d',
      '\ud83e',
      '\udc00',
      '\ufffd',
      'x'.repeat(1_024),
    ];
    const paths = keys.map((key) => lockNodePath('/locks', key));
    expect(new Set(paths).size).toBe(keys.length);
    for (const path of paths) expect(path).toMatch(/^\/locks\/[A-Za-z0-9_-]{43}$/);
  });

  it('is the same in every version: instances of a rolling deployment have to agree', () => {
    expect(lockNodePath('/locks', 'product:7')).toBe('/locks/syF3Gdc9dg9QQfeRFcDAfRKhJsGrjyOROY8ij6PZ8Nw');
  });
});

describe('paths', () => {
  it('have a parent', () => {
    expect(parentOf('/a/b')).toBe('/a');
    expect(parentOf('/a')).toBe('');
  });

  it.each(['/a', '/a/b', '/a.b', '/...', '/Zookeeper', '/a/zookeeper'])('%s is one', (path) => {
    expect(explainBadPath(path)).toBeUndefined();
  });

  it.each(['', 'a', '/', '/a/', '//', '/a//b', '/.', '/a/..', '/zookeeper', '/zookeeper/a', '/a b', '/ä', '/a\n'])(
    '%j is none',
    (path) => {
      expect(explainBadPath(path)).toBeTypeOf('string');
    },
  );
});
