import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Get, ParseIntPipe, Query, Res, Sse, StreamableFile } from '@nestjs/common';
import { LockedCacheable } from 'nestjs-distributed-cache';
import { EMPTY, from, of, type Observable } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { get, PLATFORMS, startApp, stopApps } from './support/app.js';

/** What Express's response and Fastify's reply have in common. */
interface AnyResponse {
  status(code: number): this;
  header(name: string, value: string): this;
  send(body: unknown): unknown;
}

let runs = 0;
const opened: Readable[] = [];

function open(text: string): Readable {
  const stream = Readable.from([Buffer.from(text)]);
  opened.push(stream);
  return stream;
}

@Controller()
class StreamsController {
  @Get('file')
  @LockedCacheable()
  async file(): Promise<StreamableFile> {
    const run = ++runs;
    await delay(30);
    return new StreamableFile(open(`file ${String(run)}`), { type: 'text/plain' });
  }

  @Get('observable')
  @LockedCacheable()
  observable(): Observable<unknown> {
    return of({ run: ++runs });
  }

  @Get('several')
  @LockedCacheable()
  several(): Observable<unknown> {
    const run = ++runs;
    return from([
      { run, part: 1 },
      { run, part: 2 },
    ]);
  }

  @Get('none')
  @LockedCacheable()
  none(): Observable<unknown> {
    runs++;
    return EMPTY;
  }

  @Get('none-undecorated')
  noneUndecorated(): Observable<unknown> {
    return EMPTY;
  }

  @Sse('events')
  @LockedCacheable()
  events(): Observable<{ data: unknown }> {
    return from([{ data: { run: ++runs } }]);
  }

  @Get('response')
  @LockedCacheable()
  response(@Res() response: AnyResponse): void {
    response.status(202).send({ run: ++runs });
  }

  @Get('passthrough')
  @LockedCacheable()
  passthrough(@Res({ passthrough: true }) _response: AnyResponse): unknown {
    return { run: ++runs };
  }

  @Get('status')
  @LockedCacheable()
  status(@Res({ passthrough: true }) response: AnyResponse): unknown {
    response.status(206);
    return { run: ++runs };
  }

  @Get('header')
  @LockedCacheable()
  header(@Res({ passthrough: true }) response: AnyResponse): unknown {
    const run = ++runs;
    response.header('x-run', String(run));
    return { run };
  }

  @Get('page')
  @LockedCacheable({ key: () => ['page'] })
  async page(@Query('page', ParseIntPipe) page: number): Promise<unknown> {
    runs++;
    await delay(1);
    return { page };
  }
}

describe.each(PLATFORMS)('what only its own request can have on %s', (platform) => {
  afterEach(async () => {
    await stopApps();
    runs = 0;
    opened.length = 0;
  });

  const start = async (): ReturnType<typeof startApp> => startApp({ platform, controllers: [StreamsController] });

  it('files: each request gets its own, those that waited for another’s too', async () => {
    const { url, events, lines } = await start();
    const replies = await Promise.all(Array.from({ length: 5 }, () => get(`${url}/file`)));
    expect(replies.map(({ body }) => body).sort()).toEqual(['file 1', 'file 2', 'file 3', 'file 4', 'file 5']);
    expect(
      replies.every(
        ({ cache, headers }) => cache === 'BYPASS' && headers.get('content-type')?.startsWith('text/plain'),
      ),
    ).toBe(true);
    expect(events).toContainEqual({ type: 'bypassed', reason: 'stream' });
    // An ordinary answer, of which no operator has to hear.
    expect(lines.filter((line) => line.startsWith('warn') && line.includes('not stored'))).toEqual([]);
    expect(events.some(({ type }) => type === 'stored')).toBe(false);
  });

  it('an Observable of one value is a value', async () => {
    const { url } = await start();
    const replies = [await get(`${url}/observable`), await get(`${url}/observable`)];
    expect(replies.map(({ cache, body }) => [cache, body])).toEqual([
      ['MISS', '{"run":1}'],
      ['HIT', '{"run":1}'],
    ]);
  });

  it('an Observable of several values is answered as Nest does, and not cached', async () => {
    const { url, events } = await start();
    const replies = [await get(`${url}/several`), await get(`${url}/several`)];
    expect(replies.map(({ cache, body }) => [cache, body])).toEqual([
      ['BYPASS', '{"run":1,"part":2}'],
      ['BYPASS', '{"run":2,"part":2}'],
    ]);
    expect(events).toContainEqual({ type: 'bypassed', reason: 'several-values' });
  });

  it('an Observable without a value is answered as Nest does', async () => {
    const { url } = await start();
    const plain = await get(`${url}/none-undecorated`);
    const decorated = await get(`${url}/none`);
    expect([decorated.status, decorated.body]).toEqual([plain.status, plain.body]);
    expect(runs).toBe(1);
  });

  it('server-sent events pass through, and the start says so', async () => {
    const { url, lines } = await start();
    const bodies = [(await get(`${url}/events`)).body, (await get(`${url}/events`)).body];
    expect(bodies).toEqual([expect.stringContaining('{"run":1}'), expect.stringContaining('{"run":2}')]);
    expect(lines).toContainEqual(
      expect.stringContaining('StreamsController.events does nothing: it sends server-sent events'),
    );
  });

  it('@Res() passes through, and the start says so', async () => {
    const { url, lines } = await start();
    const replies = [await get(`${url}/response`), await get(`${url}/response`)];
    expect(replies.map(({ cache, body, status }) => [cache, body, status])).toEqual([
      ['BYPASS', '{"run":1}', 202],
      ['BYPASS', '{"run":2}', 202],
    ]);
    expect(lines).toContainEqual(
      expect.stringContaining('StreamsController.response does nothing: it answers by @Res()'),
    );
  });

  it('@Res({ passthrough: true }) that sets nothing is cached', async () => {
    const { url } = await start();
    expect([(await get(`${url}/passthrough`)).cache, (await get(`${url}/passthrough`)).cache]).toEqual(['MISS', 'HIT']);
  });

  it.each(['status', 'header'])('a method that sets a %s is not cached, since a hit would lack it', async (path) => {
    const { url, events } = await start();
    const replies = [await get(`${url}/${path}`), await get(`${url}/${path}`)];
    expect(replies.map(({ cache }) => cache)).toEqual(['BYPASS', 'BYPASS']);
    if (path === 'status') expect(replies.map(({ status }) => status)).toEqual([206, 206]);
    else expect(replies.map(({ headers }) => headers.get('x-run'))).toEqual(['1', '2']);
    expect(events).toContainEqual({ type: 'bypassed', reason: 'response-changed' });
  });

  it('an error that is the request’s own fault is not shared with others of the same key', async () => {
    const { url } = await start();
    expect((await get(`${url}/page?page=abc`)).status).toBe(400);
    const good = await get(`${url}/page?page=1`);
    expect([good.status, good.body]).toEqual([200, '{"page":1}']);
  });
});
