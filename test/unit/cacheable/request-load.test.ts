import { Readable } from 'node:stream';
import {
  BadRequestException,
  ForbiddenException,
  GoneException,
  HttpException,
  NotFoundException,
  StreamableFile,
} from '@nestjs/common';
import { EMPTY, firstValueFrom, from, lastValueFrom, of, Subject, throwError, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { discardStream, isStream, runHandler } from '../../../lib/cacheable/handler-run.js';
import { RequestLoad } from '../../../lib/cacheable/request-load.js';
import { UNCACHEABLE } from '../../../lib/core/uncacheable.js';
import { describeError } from '../../../lib/core/error-description.js';
import { isRequestsOwnFault, toHttpAnswer } from '../../../lib/cacheable/response-errors.js';
import {
  CacheClosedError,
  LoadTimeoutError,
  LockAuthError,
  LockLostError,
  LockUnavailableError,
  ReentrantLoadError,
  SharedLoadError,
  StoreUnavailableError,
  UnserializableValueError,
  LoadLimitError,
  WaitTimeoutError,
} from '../../../lib/core/errors.js';
import { TaggedJsonCodec } from '../../../lib/codec/tagged-json-codec.js';

const response = () => ({
  statusCode: 200,
  headers: {} as Record<string, string>,
  getHeaders() {
    return this.headers;
  },
});

describe('running a method', () => {
  it('gives its only value, whatever it is', async () => {
    for (const value of [1, null, undefined, false, ''])
      expect(await runHandler(of(value))).toEqual({ kind: 'value', value });
  });

  it('gives several values, or none, as a sequence with all of them', async () => {
    const several = await runHandler(from([1, 2, 3]));
    const none = await runHandler(EMPTY);
    expect(several.kind === 'sequence' && (await lastValueFrom(several.values.pipe(toArray())))).toEqual([1, 2, 3]);
    expect(none.kind === 'sequence' && (await lastValueFrom(none.values.pipe(toArray())))).toEqual([]);
  });

  it('knows of a sequence at its second value, and gives the source up when its subscriber leaves', async () => {
    const source = new Subject<number>();
    const running = runHandler(source);
    source.next(1);
    source.next(2);
    const result = await running;
    source.next(3);
    if (result.kind !== 'sequence') throw new Error('not a sequence');
    expect(await firstValueFrom(result.values)).toBe(1);
    expect(source.observed).toBe(false);
  });

  it('rejects with the very error', async () => {
    const error = new TypeError('x');
    await expect(runHandler(throwError(() => error))).rejects.toBe(error);
  });
});

describe('streams', () => {
  it('are recognised, values are not', () => {
    const streams = [
      Readable.from(['a']),
      new StreamableFile(Buffer.from('a')),
      new ReadableStream(),
      (async function* () {
        yield await Promise.resolve(1);
      })(),
      { getStream: () => null },
    ];
    expect(streams.map(isStream)).toEqual([true, true, true, true, true]);
    expect([null, undefined, 1, 'a', [], {}, Buffer.from('a'), new Map()].map(isStream)).toEqual(
      Array.from({ length: 8 }, () => false),
    );
  });

  it('are given back', () => {
    const stream = Readable.from(['a']);
    discardStream(new StreamableFile(stream));
    expect(stream.destroyed).toBe(true);
    expect(() => [1, null, {}, new ReadableStream()].map(discardStream)).not.toThrow();
  });
});

describe('the load of a request', () => {
  const load = (value: unknown, on = response()): RequestLoad => new RequestLoad({ handle: () => of(value) }, on);

  it('is the value of the method', async () => {
    const one = load({ a: 1 });
    expect(await one.loader()).toEqual({ a: 1 });
    expect(one.finish(false)).toBeUndefined();
  });

  it('no codec stores what stands for an answer that cannot be shared', () => {
    expect(() => new TaggedJsonCodec().encode(UNCACHEABLE)).toThrow(UnserializableValueError);
  });

  it('keeps a stream for its own request only', async () => {
    const stream = new StreamableFile(Readable.from(['a']));
    const one = load(stream);
    expect(await one.loader()).toBe(UNCACHEABLE);
    expect(one.finish(true)).toEqual({ reason: 'stream', result: { kind: 'value', value: stream } });
    expect(one.finish(true)).toBeUndefined();
  });

  it('gives a stream back when its request is answered by something else', async () => {
    const stream = Readable.from(['a']);
    const one = load(stream);
    await one.loader();
    expect(one.finish(false)).toBeUndefined();
    expect(stream.destroyed).toBe(true);
  });

  it('gives a stream back that a refresh opens after the answer was sent', async () => {
    const stream = Readable.from(['a']);
    const one = load(stream);
    one.finish(false);
    expect(await one.loader()).toBe(UNCACHEABLE);
    expect(stream.destroyed).toBe(true);
  });

  it.each([
    ['a header', (on: ReturnType<typeof response>) => void (on.headers['x'] = '1')],
    ['the status', (on: ReturnType<typeof response>) => void (on.statusCode = 206)],
  ])('is not shared when the method sets %s', async (_name, set) => {
    const on = response();
    const one = new RequestLoad({ handle: () => (set(on), of(1)) }, on);
    expect(await one.loader()).toBe(UNCACHEABLE);
    expect(one.finish(true)).toMatchObject({ reason: 'response-changed' });
  });

  it('what the sending sets is not blamed on a refresh in the background', async () => {
    const on = response();
    const gate = new Subject<number>();
    const one = new RequestLoad({ handle: () => gate }, on);
    const loading = one.loader();
    // 1. the method runs; 2. the stale answer is sent, which sets headers; 3. the method returns.
    one.finish(false);
    on.headers['etag'] = 'x';
    gate.next(5);
    gate.complete();
    expect(await loading).toBe(5);
  });

  it('keeps an error that is the request’s own fault for its own request, and lets others through', async () => {
    const own = new BadRequestException();
    const one = new RequestLoad({ handle: () => throwError(() => own) }, response());
    expect(await one.loader()).toBe(UNCACHEABLE);
    expect(one.finish(true)).toEqual({ reason: 'request-error', error: own });
    const missing = new NotFoundException();
    await expect(new RequestLoad({ handle: () => throwError(() => missing) }, response()).loader()).rejects.toBe(
      missing,
    );
    expect([
      RequestLoad.isHandlerError(missing),
      RequestLoad.isHandlerError(own),
      RequestLoad.isHandlerError('text'),
    ]).toEqual([true, false, false]);
  });
});

describe('errors', () => {
  it.each([
    [new BadRequestException(), true],
    [new ForbiddenException(), true],
    [new NotFoundException(), false],
    [new GoneException(), false],
    [new HttpException('x', 500), false],
    [new TypeError('x'), false],
    ['text', false],
    [null, false],
  ])('%s is the request’s own fault: %s', (error, expected) => {
    expect(isRequestsOwnFault(error)).toBe(expected);
  });

  it('an error that another instance’s method threw is answered as there', () => {
    const shared = new SharedLoadError({
      name: 'NotFoundException',
      message: 'm',
      status: 404,
      response: { statusCode: 404, message: 'no such thing' },
    });
    const error = toHttpAnswer(shared).error as HttpException;
    expect([error.getStatus(), error.getResponse(), error.cause]).toEqual([
      404,
      { statusCode: 404, message: 'no such thing' },
      shared,
    ]);
    const bare = toHttpAnswer(new SharedLoadError({ name: 'E', message: 'm', status: 410 })).error as HttpException;
    expect([bare.getStatus(), bare.getResponse()]).toEqual([410, 'm']);
    const plain = new SharedLoadError({ name: 'TypeError', message: 'm' });
    expect(toHttpAnswer(plain)).toEqual({ error: plain });
  });

  it.each([
    [new LoadTimeoutError('secret host'), 504, undefined],
    [new LoadLimitError('secret host'), 503, 1],
    [new WaitTimeoutError('secret host'), 503, 1],
    [new CacheClosedError('secret host'), 503, 1],
    [new LockUnavailableError('secret host'), 503, 2],
    [new LockAuthError('secret host'), 503, 2],
    [new LockLostError('secret host'), 503, 2],
    [new StoreUnavailableError('secret host'), 503, 2],
    [new SharedLoadError(describeError(new LoadTimeoutError('secret host'))), 504, undefined],
    [new SharedLoadError(describeError(new WaitTimeoutError('secret host'))), 503, 1],
  ])('%s is answered with %d, without its text, and says when to ask again', (error, status, seconds) => {
    const answer = toHttpAnswer(error);
    const http = answer.error as HttpException;
    expect(http.getStatus()).toBe(status);
    expect(answer.retryAfterS).toBe(seconds);
    expect(JSON.stringify(http.getResponse())).not.toContain('secret');
    expect(http.cause).toBe(error);
  });

  it('others stay as they are', () => {
    for (const error of [new ReentrantLoadError('x'), new TypeError('x'), 'text', undefined])
      expect(toHttpAnswer(error)).toEqual({ error });
  });
});
