import { HttpException } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { describeError, isErrorDescription } from '../../../lib/core/error-description.js';
import { isLoadMark } from '../../../lib/core/load-mark.js';
import { IMPOSSIBLE_MARKS } from '../../support/impossible-marks.js';

const shared = Array.from({ length: 40 }).reduce<unknown>((inner) => [inner, inner], 'x');
const circle: Record<string, unknown> = {};
circle['self'] = circle;

describe('what is told of an error', () => {
  it.each<[string, unknown, object]>([
    ['an error', new TypeError('no table'), { name: 'TypeError', message: 'no table' }],
    [
      'an error with a code',
      Object.assign(new Error('m'), { code: '42P01' }),
      { name: 'Error', message: 'm', code: '42P01' },
    ],
    ['a status and a body', new HttpException({ a: 1 }, 404), { status: 404, response: { a: 1 } }],
    ['a long message', new Error('m'.repeat(10_000)), { message: `${'m'.repeat(2_000)}…` }],
    ['a long name', Object.assign(new Error('m'), { name: 'n'.repeat(10_000) }), { name: `${'n'.repeat(200)}…` }],
    ['a message that is none', Object.assign(new Error('m'), { message: { a: 1 } }), { message: '[object Object]' }],
    ['what is no error', 'gone', { name: 'Error', message: 'gone' }],
  ])('is plain: %s', (_, error, description) => {
    expect(describeError(error)).toMatchObject(description);
    expect(isErrorDescription(JSON.parse(JSON.stringify(describeError(error))))).toBe(true);
  });

  it.each([0, 99, 199, 600, 9_999, -404, 404.5, NaN, '404'])(
    'is without a status that no answer can have: %s',
    (status) => {
      const described = describeError(new HttpException('m', status as number));
      expect(described).toEqual({ name: 'HttpException', message: 'm' });
    },
  );

  it.each<[string, unknown]>([
    ['shared parts, written for each place', shared],
    ['parts nested too deep', JSON.parse('['.repeat(50_000) + ']'.repeat(50_000))],
    ['a text that is too long', { text: 'x'.repeat(50_000) }],
    ['parts that contain themselves', circle],
    ['a bigint', { a: 1n }],
  ])('is without a body of %s', (_, body) => {
    const described = describeError(new HttpException(body as object, 404));
    expect(described).toMatchObject({ status: 404 });
    expect(described).not.toHaveProperty('response');
  });

  it.each<[string, unknown]>([
    ['an object without a text', Object.create(null)],
    ['a message that throws', Object.defineProperty(new Error(), 'message', { get: () => expect.unreachable() })],
    [
      'a status that throws',
      Object.assign(new Error('m'), {
        getStatus: () => {
          throw new Error('later');
        },
      }),
    ],
  ])('is told of %s too', (_, error) => {
    expect(describeError(error)).toEqual({ name: 'Error', message: 'an error that cannot be read' });
  });
});

describe('a mark that a store has', () => {
  it.each(Object.entries(IMPOSSIBLE_MARKS))('is none with %s', (_, mark) => {
    expect(isLoadMark(JSON.parse(mark))).toBe(false);
  });

  it.each([
    { id: 'm', kind: 'failed' },
    { id: 'm', kind: 'unstored' },
  ])('is one: %j', (mark) => {
    expect(isLoadMark(mark)).toBe(true);
  });
});
