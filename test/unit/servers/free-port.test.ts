import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { freePort, lastPort } from '../../../servers/free-port.js';

const RANGE = '/proc/sys/net/ipv4/ip_local_port_range';

/** Lets chance hit upon that port, once or each time. */
function draw(port: number, times: 'once' | 'always'): void {
  const span = lastPort(existsSync(RANGE) ? readFileSync(RANGE, 'utf8') : '') - 10_000 + 1;
  const random = vi.spyOn(Math, 'random');
  const value = (port - 10_000 + 0.5) / span;
  if (times === 'always') random.mockReturnValue(value);
  else random.mockReturnValueOnce(value);
}

/** Another process that has been given a port. */
async function portOfAnother(): Promise<number> {
  const take = `
    const port = 11000 + Math.floor(Math.random() * 4000);
    const socket = require('node:dgram').createSocket('udp4').on('error', take);
    socket.bind(port, '127.0.0.1', () => console.log(port));`;
  const other = spawn(process.execPath, ['-e', `(function take() {${take}})()`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void other.kill('SIGKILL'));
  const [told] = (await once(other.stdout, 'data')) as [Buffer];
  return Number(told);
}

afterEach(() => {
  vi.restoreAllMocks();
});

test('is given once in a process, also while its server is down', async () => {
  const port = await freePort();
  draw(port, 'always');

  await expect(freePort()).rejects.toThrow(/Found no free port between 10000 and \d+ on 127\.0\.0\.1/);
});

test('is given to one process of all', async () => {
  draw(await portOfAnother(), 'always');

  await expect(freePort()).rejects.toThrow('Found no free port');
});

test('is not one that somebody listens on', async () => {
  const listener = createServer();
  onTestFinished(() => void listener.close());
  for (let port = 11_000; !listener.listening; port++) {
    listener.listen(port, '127.0.0.1');
    await once(listener, 'listening').catch(() => undefined);
  }
  const { port } = listener.address() as AddressInfo;
  draw(port, 'once');
  expect(await freePort()).not.toBe(port);

  draw(port, 'always');
  await expect(freePort()).rejects.toThrow('Found no free port');
});

test.each([
  ['32768\t60999\n', 31_999],
  ['16000\t65535\n', 15_999],
  ['1024\t65535\n', 31_999],
  ['', 31_999],
])('lies below the ports for outgoing connections, where there is room: %j', (range, last) => {
  expect(lastPort(range)).toBe(last);
});
