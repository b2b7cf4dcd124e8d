// Ends the servers of a test process that cannot do so itself any more, because it crashed or was killed.
// Its standard input is a pipe from that process: lines "+pid signal" and "-pid" for servers, "dir path" and
// "project name" for what is to be removed. The pipe closes when the process is gone, however it went.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

const signals = new Map();
const directories = new Set();
const composeProjects = new Set();

// Ctrl-C reaches the whole process group; this one must outlive it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);

function kill(pid, signal) {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const [word, ...rest] = line.split(' ');
  if (word === 'dir') directories.add(rest.join(' '));
  else if (word === 'project') composeProjects.add(rest.join(' '));
  else if (word.startsWith('+')) signals.set(Number(word.slice(1)), rest[0]);
  else if (word.startsWith('-')) signals.delete(Number(word.slice(1)));
}

for (const [pid, signal] of signals) {
  kill(pid, signal);
  kill(pid, 'SIGCONT');
}
for (let waited = 0; waited < 3000 && [...signals.keys()].some((pid) => kill(pid, 0)); waited += 50) await delay(50);
for (const pid of signals.keys()) kill(pid, 'SIGKILL');
for (const directory of directories)
  rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
for (const name of composeProjects) spawnSync('docker', ['compose', '-p', name, 'down', '--volumes', '--timeout', '1']);
