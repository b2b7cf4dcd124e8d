import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Writable } from 'node:stream';

import { repositoryRoot } from './repository-root.js';

/**
 * Remembers what this process must not leave behind. When the process ends by itself its servers are killed at its
 * exit; when it is killed, which leaves it no last word, `reaper.mjs` notices the closed pipe and does the same.
 */
class Guard {
  private reaper: Writable | undefined;
  private readonly pids = new Set<number>();
  private readonly directories = new Set<string>();

  add(pid: number, signal: NodeJS.Signals): void {
    this.pids.add(pid);
    this.tell(`+${String(pid)} ${signal}`);
  }

  remove(pid: number): void {
    this.pids.delete(pid);
    this.tell(`-${String(pid)}`);
  }

  addDirectory(path: string): void {
    this.directories.add(path);
    this.tell(`dir ${path}`);
  }

  addComposeProject(name: string): void {
    this.tell(`project ${name}`);
  }

  removeDirectory(path: string): void {
    this.directories.delete(path);
    rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }

  private tell(line: string): void {
    this.reaper ??= this.startReaper();
    this.reaper.write(`${line}\n`);
  }

  private startReaper(): Writable {
    const script = join(repositoryRoot, 'servers', 'reaper.mjs');
    const reaper = spawn(process.execPath, [script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
    reaper.unref();
    if (reaper.stdin instanceof Socket) reaper.stdin.unref();
    reaper.stdin.on('error', () => undefined);
    process.once('exit', () => {
      for (const pid of this.pids) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // Gone already.
        }
      }
    });
    return reaper.stdin;
  }
}

export const guard = new Guard();
