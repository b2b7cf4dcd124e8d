import { describe, expect, it } from 'vitest';
import { errorMessage, errorText, withoutCredentials } from '../../../lib/core/error-text.js';

const caused = (message: string, cause?: unknown): Error => new Error(message, { cause });

describe('errorText', () => {
  it.each<[string, unknown, string]>([
    ['an error', new TypeError('x'), 'TypeError: x'],
    ['a text', 'x', 'x'],
    ['undefined', undefined, ''],
    ['an error with causes', caused('a.', caused('b', caused('c.'))), 'Error: a: b: c.'],
    ['a cause that is told already', caused('a: b', caused('b')), 'Error: a: b'],
    ['a cause that is a description', caused('a', { name: 'Error', message: 'b' }), 'Error: a: b'],
    [
      'an error of several addresses',
      new AggregateError([caused('b'), caused('c'), caused('b')], ''),
      'AggregateError: b, c',
    ],
    ['an error that is only a code', Object.assign(new Error(''), { code: 'ECONNREFUSED' }), 'Error: ECONNREFUSED'],
    ['an error that says nothing', new RangeError(''), 'RangeError: RangeError'],
    ['lines of a server', caused('a\n2026 WARN forged\u0007'), 'Error: a 2026 WARN forged'],
    ['the credentials of a URL', caused('at redis://user:pass@word@h:1/0 now'), 'Error: at redis://***@h:1/0 now'],
  ])('%s', (_, error, text) => {
    expect(errorText(error)).toBe(text);
  });

  it('is bounded, however long a message is and however many causes there are', () => {
    const circular = caused('a');
    circular.cause = circular;
    expect(errorMessage(circular)).toBe('a');
    expect(errorMessage(caused('x'.repeat(10_000)))).toHaveLength(1_001);
    let deep = caused('end');
    for (let n = 0; n < 100; n++) deep = caused(`step ${String(n)}!`, deep);
    expect(errorMessage(deep)).toBe('step 99!: step 98!: step 97!: step 96!: step 95!');
  });
});

describe('withoutCredentials', () => {
  it.each(['zk://h:2181/x', 'see https://example.org/a?b', 'mail to a@b', ''])('leaves %j as it is', (text) => {
    expect(withoutCredentials(text)).toBe(text);
  });
});
