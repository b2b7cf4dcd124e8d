import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { guard } from './server-guard.js';

/** What a test may do to a server that it started itself. */
export interface OwnServer {
  readonly port: number;
  /** The process to send signals to. Changes with every `restart()`. */
  readonly pid: number;
  /** Ends it in order and removes its data. May be called again. */
  stop(): Promise<void>;
  /** Ends it as `kill -9` does; the data stays for `restart()`. */
  kill(): Promise<void>;
  /** Kills it if it runs, and starts it again on the same port and data; resolves when it answers. */
  restart(): Promise<void>;
  /** Freezes it (SIGSTOP): connections stay open and nothing answers. */
  pause(): void;
  /** Lets a frozen server go on (SIGCONT). */
  resume(): void;
}

export interface ServerCommand {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly directory: string;
  readonly stopSignal: NodeJS.Signals;
  /** Whose process it becomes; the caller's own when left out. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
  /** Runs before each start. */
  readonly prepare?: () => void;
  /** Resolves true once the server answers. */
  readonly probe: () => Promise<boolean>;
}

const READY_WITHIN_MS = 60_000;
/** Characters: a stack of Java has its cause at the bottom, and what it is about at the top. */
const LAST_WORDS = 6000;

/** Sends `text` to the port and gives what comes back within `limitMs`, or '' if nothing does. */
export function ask(port: number, text: string | Buffer, limitMs = 1000): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const finish = (answer: string): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(limitMs, () => {
      finish('');
    });
    // A server that is just going down accepts, and hangs up without a word: that is neither an error nor silence.
    socket.once('close', () => {
      finish('');
    });
    socket.once('error', () => undefined);
    socket.once('data', (data) => {
      finish(data.toString('latin1'));
    });
    socket.once('connect', () => {
      socket.write(text);
    });
  });
}

/** The processes whose parent is `pid`: PostgreSQL's backends go on when only their parent is stopped. */
function childrenOf(pid: number): number[] {
  let names: string[];
  try {
    names = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
  return names.map(Number).filter((candidate) => {
    try {
      const stat = readFileSync(`/proc/${String(candidate)}/stat`, 'latin1');
      // The command, in brackets, may hold spaces: the parent is the second word after it.
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid;
    } catch {
      return false;
    }
  });
}

function signalTree(pid: number, signal: NodeJS.Signals): void {
  for (const target of [pid, ...childrenOf(pid)]) {
    try {
      process.kill(target, signal);
    } catch {
      // It ended between the look and the signal.
    }
  }
}

const SHELL = '/bin/bash';
const CLOSE_ALL = 'for each in /proc/self/fd/*; do n=${each##*/}; [ "$n" -gt 2 ] && eval "exec $n>&-"; done; exec "$@"';

/**
 * A child inherits the sockets of a native ZooKeeper client in this process, and holds connections open that the client has closed; then
 * epoll tells of them for ever. Where there is a shell that can, they are closed before the server begins.
 */
function withoutInheritedSockets(file: string, args: readonly string[]): [file: string, args: string[]] {
  if (!existsSync(SHELL)) return [file, [...args]];
  return [SHELL, ['-c', CLOSE_ALL, 'server', file, ...args]];
}

/** A server as a child process, with its data in a temporary directory. */
export class ServerProcess {
  private child: ChildProcess | undefined;
  private readonly log: string;
  /** What the log held when the server was last started. */
  private said = 0;

  constructor(private readonly command: ServerCommand) {
    this.log = join(command.directory, 'server.log');
    writeFileSync(this.log, '');
  }

  get pid(): number {
    if (this.child?.pid === undefined) throw new Error(`${this.command.name} is not running.`);
    return this.child.pid;
  }

  async start(): Promise<void> {
    const { file, args, directory, owner, stopSignal, prepare } = this.command;
    prepare?.();
    this.said = statSync(this.log).size;
    const output = openSync(this.log, 'a');
    // Detached: Ctrl-C at the terminal reaches the test runner, which then stops its servers in order.
    const child = spawn(...withoutInheritedSockets(file, args), {
      cwd: directory,
      detached: true,
      stdio: ['ignore', output, output],
      ...(owner && { uid: owner.uid, gid: owner.gid }),
    });
    closeSync(output);
    this.child = child;
    child.once('error', (error) => {
      appendFileSync(this.log, `${error.message}\n`);
    });
    if (child.pid !== undefined) guard.add(child.pid, stopSignal);
    child.once('exit', () => {
      if (child.pid !== undefined) guard.remove(child.pid);
      if (this.child === child) this.child = undefined;
    });
    child.unref();
    await this.untilReady(child);
  }

  async stop(): Promise<void> {
    await this.end(this.command.stopSignal);
  }

  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  pause(): void {
    signalTree(this.pid, 'SIGSTOP');
  }

  resume(): void {
    signalTree(this.pid, 'SIGCONT');
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.child;
    if (child?.pid === undefined) {
      this.child = undefined;
      return;
    }
    const pid = child.pid;
    const gone = once(child, 'exit');
    if (signal === 'SIGKILL') signalTree(pid, signal);
    else child.kill(signal);
    signalTree(pid, 'SIGCONT');
    const impatient = setTimeout(() => {
      signalTree(pid, 'SIGKILL');
    }, 5000);
    await gone;
    clearTimeout(impatient);
  }

  private async untilReady(child: ChildProcess): Promise<void> {
    const { name, file, args, probe } = this.command;
    const deadline = performance.now() + READY_WITHIN_MS;
    // Whoever answers on its port once it has ended is somebody else.
    while (!(await probe()) || this.child !== child) {
      const end = endOf(child) ?? (performance.now() > deadline ? `no answer within ${READY_WITHIN_MS} ms` : undefined);
      if (end !== undefined) {
        await this.kill();
        throw new Error(
          `${name} did not start: ${end}. Its last words:\n${this.lastWords()}\nIt was started by: ${file} ${args.join(' ')}`,
        );
      }
      await delay(20);
    }
  }

  private lastWords(): string {
    return readFileSync(this.log).subarray(this.said).toString().slice(-LAST_WORDS) || '(none)';
  }
}

function endOf(child: ChildProcess): string | undefined {
  if (child.pid === undefined) return 'there is no such program, or it may not be run';
  if (child.exitCode !== null) return `it ended with exit code ${child.exitCode}`;
  return child.signalCode === null ? undefined : `it was ended by ${child.signalCode}`;
}
