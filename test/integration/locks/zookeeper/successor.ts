import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fourLetters, until } from './stage.js';
import type { OwnZooKeeper } from '../../../../servers/index.js';
import { discardUnbegunLogs } from '../../../../servers/zookeeper-logs.js';

export interface Successor {
  /** Starts the same server anew, on the same port and data; resolves when it answers. Kills the former one first, if it runs. */
  takeOver(): Promise<void>;
  end(): Promise<void>;
}

/**
 * A server process that is forked now, before there are any clients, and begins to run later. The C client's sockets are inherited by every child process that is started while
 * they are open. One that lives on holds them open, and then epoll tells for ever of a socket that the client has long closed: `server.restart()` in the process of the clients would be such a child.
 */
export async function prepareSuccessor(server: OwnZooKeeper): Promise<Successor> {
  const [file = '', ...args] = readFileSync(`/proc/${String(server.pid)}/cmdline`, 'utf8')
    .split('\0')
    .slice(0, -1);
  const child = spawn('/bin/sh', ['-c', 'read go && exec "$@"', 'sh', file, ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const ended = once(child, 'close');
  await once(child, 'spawn');
  return {
    async takeOver() {
      await server.kill();
      discardUnbegunLogs(dirname(args.at(-1) ?? ''));
      child.stdin.end('go\n');
      await until('the server to answer', async () =>
        (await fourLetters(server.connectString, 'srvr').catch(() => '')).includes('Mode: '),
      );
    },
    async end() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
