import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { monitorRedis } from '../../../bench/redis-monitor.js';

let server: Server | undefined;

afterEach(() => server?.close());

/** A server that answers MONITOR, and tells of these requests in the very packet of its OK. */
async function busyServer(requests: readonly string[]): Promise<string> {
  const monitors = new Set<Socket>();
  const answer = (socket: Socket, [name = '', word = '']: string[]): string => {
    if (name === 'MONITOR') monitors.add(socket);
    if (name === 'MONITOR') return ['OK', ...requests].map((line) => `+${line}\r\n`).join('');
    if (name !== 'ECHO') return '+OK\r\n';
    for (const monitor of monitors) monitor.write(`+1.5 [0 127.0.0.1:1] "ECHO" "${word}"\r\n`);
    return `$${word.length}\r\n${word}\r\n`;
  };
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      const commands = data
        .toString()
        .split(/\*\d+\r\n/)
        .slice(1);
      const words = commands.map((command) => command.split('\r\n').filter((_, index) => index % 2 === 1));
      socket.write(words.map((each) => answer(socket, each)).join(''));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it('a monitor takes reports that come with the OK of MONITOR', async () => {
  const url = await busyServer([
    '1.0 [0 127.0.0.1:50001] "GET" "k"',
    '1.1 [0 lua] "TIME"',
    String.raw`1.2 [15 127.0.0.1:50002] "set" "a \"b\" \\ \x00\n" ""`,
  ]);
  const monitor = await monitorRedis(url);
  expect(await monitor.commands()).toEqual([
    { command: 'get', args: ['k'], source: '127.0.0.1:50001' },
    { command: 'set', args: ['a "b" \\ \0\n', ''], source: '127.0.0.1:50002' },
  ]);
  monitor.close();
});
