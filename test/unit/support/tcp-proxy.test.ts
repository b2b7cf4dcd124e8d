import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TcpProxy } from '../../support/tcp-proxy.js';

let echo: Server;
let proxy: TcpProxy;
const sockets: Socket[] = [];

beforeEach(async () => {
  echo = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  proxy = await TcpProxy.open((echo.address() as AddressInfo).port);
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await proxy.close();
  echo.close();
});

function client(): { readonly socket: Socket; readonly heard: () => string; readonly error: () => string | undefined } {
  const socket = connect({ port: proxy.port, host: '127.0.0.1' });
  sockets.push(socket);
  let heard = '';
  let failure: string | undefined;
  socket.on('data', (data) => (heard += data.toString()));
  socket.on('error', (error: NodeJS.ErrnoException) => (failure = error.code));
  return { socket, heard: () => heard, error: () => failure };
}

it('passes everything on, and counts who comes', async () => {
  const one = client();
  const two = client();
  one.socket.write('a');
  two.socket.write('b');
  await vi.waitFor(() => expect([one.heard(), two.heard()]).toEqual(['a', 'b']), 30_000);
  expect([proxy.connections, proxy.attempts]).toEqual([2, 2]);
  proxy.cut();
  expect([proxy.connections, proxy.attempts]).toEqual([0, 2]);
});

it('is late in both directions, and keeps the order when it is healed', async () => {
  const { socket, heard } = client();
  socket.write('0');
  await vi.waitFor(() => expect(heard()).toBe('0'), 30_000);
  proxy.delay(60);
  const began = performance.now();
  socket.write('1');
  await vi.waitFor(() => expect(heard()).toBe('01'), { timeout: 30_000, interval: 5 });
  expect(performance.now() - began).toBeGreaterThanOrEqual(118);
  socket.write('2');
  await vi.waitFor(() => expect(socket.bytesWritten).toBe(3), 30_000);
  proxy.heal();
  socket.write('3');
  await vi.waitFor(() => expect(heard()).toBe('0123'), 30_000);
});

it('lets no more through than it is told', async () => {
  const { socket, heard } = client();
  proxy.throttle(100_000);
  const began = performance.now();
  socket.write('x'.repeat(20_000));
  await vi.waitFor(() => expect(heard()).toHaveLength(20_000), { timeout: 30_000, interval: 5 });
  // 200 ms on the way there; the way back is as slow, and begins at once.
  expect(performance.now() - began).toBeGreaterThanOrEqual(198);
});

it('resets connections, and those that its server refuses', async () => {
  const { socket, heard, error } = client();
  socket.write('a');
  await vi.waitFor(() => expect(heard()).toBe('a'), 30_000);
  proxy.reset();
  await vi.waitFor(() => expect(error()).toBe('ECONNRESET'), 30_000);
  echo.close();
  await once(echo, 'close');
  const late = client();
  await vi.waitFor(() => expect(late.error()).toBe('ECONNRESET'), 30_000);
  expect(proxy.connections).toBe(0);
});

it('swallows what comes, and takes new connections, until it is healed', async () => {
  const { socket, heard } = client();
  socket.write('a');
  await vi.waitFor(() => expect(heard()).toBe('a'), 30_000);
  proxy.blackHole();
  socket.write('b');
  const late = client();
  late.socket.write('c');
  await vi.waitFor(() => expect(proxy.connections).toBe(2), 30_000);
  proxy.heal();
  await vi.waitFor(() => expect(proxy.connections).toBe(0), 30_000);
  expect([heard(), late.heard()]).toEqual(['a', '']);
});
