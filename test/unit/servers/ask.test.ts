import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { ask } from '../../../servers/server-process.js';

async function serverThat(answers: (socket: Socket) => void): Promise<number> {
  const server = createServer(answers).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test('gives what a server answers', async () => {
  const port = await serverThat((socket) => socket.once('data', (text) => socket.end(`heard ${text.toString()}`)));

  expect(await ask(port, 'srvr')).toBe('heard srvr');
});

test('ends where a server hangs up without a word, as one does that is going down', async () => {
  const port = await serverThat((socket) => socket.end());

  expect(await ask(port, 'srvr')).toBe('');
});

test('ends where a server hangs up after it was asked, and where it resets the connection', async () => {
  const hangsUp = await serverThat((socket) => socket.once('data', () => socket.end()));
  const resets = await serverThat((socket) => socket.once('data', () => socket.resetAndDestroy()));

  expect(await Promise.all([ask(hangsUp, 'srvr'), ask(resets, 'srvr')])).toEqual(['', '']);
});

test('ends where nobody answers', async () => {
  const silent = await serverThat(() => undefined);

  expect(await ask(silent, 'srvr', 20)).toBe('');
});
