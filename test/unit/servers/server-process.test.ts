import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ServerProcess, type ServerCommand } from '../../../servers/server-process.js';

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'server-process-test-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

function serverThat(script: string, parts: Partial<ServerCommand> = {}): ServerProcess {
  const server = new ServerProcess({
    name: 'echo',
    file: '/bin/sh',
    args: ['-c', script],
    directory: parts.directory ?? temporaryDirectory(),
    stopSignal: 'SIGTERM',
    probe: () => Promise.resolve(false),
    ...parts,
  });
  onTestFinished(() => server.kill());
  return server;
}

test('a server that does not start: how it ended, and its last words', async () => {
  const failing = serverThat('echo one; echo two >&2; exit 3');

  await expect(failing.start()).rejects.toThrow(
    'echo did not start: it ended with exit code 3. Its last words:\none\ntwo\n',
  );
});

test('a server that is killed, and one that is not there', async () => {
  await expect(serverThat('kill -9 $$').start()).rejects.toThrow('it was ended by SIGKILL. Its last words:\n(none)\n');
  const missing = serverThat('', { file: '/no/such/program' });
  await expect(missing.start()).rejects.toThrow('/no/such/program');
});

test('a restart: what it said itself, and not what was said before', async () => {
  const directory = temporaryDirectory();
  let first = true;
  const server = serverThat('[ -e begun ] && echo second && exit 4; echo first; touch begun; exec sleep 600', {
    directory,
    probe: () => Promise.resolve(first && existsSync(join(directory, 'begun'))),
  });
  await server.start();
  await server.kill();
  first = false;

  await expect(server.start()).rejects.toThrow('exit code 4. Its last words:\nsecond\n');
});

test('whoever answers on its port is not it when it has ended', async () => {
  const server = serverThat('echo taken; exit 1', {
    probe: async () => {
      await vi.waitFor(() => {
        expect(() => server.pid).toThrow('not running');
      }, 30_000);
      return true;
    },
  });

  await expect(server.start()).rejects.toThrow('exit code 1. Its last words:\ntaken\n');
});

test('is prepared before each start', async () => {
  const prepare = vi.fn<() => void>();
  const server = serverThat('exec sleep 600', { probe: () => Promise.resolve(true), prepare });
  await server.start();
  await server.kill();
  await server.start();

  expect(prepare).toHaveBeenCalledTimes(2);
});
