// An application in a process of its own, which prints where it listens.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const START_MS = 60_000;
const END_MS = 20_000;

export class AppProcess {
  output = '';

  constructor(node, file, { cwd, env }) {
    this.child = spawn(node.file, [file], { cwd, env: { ...node.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (chunk) => (this.output += chunk));
    this.exit = once(this.child, 'close').then(([code, signal]) => signal ?? code);
  }

  /** Its address. Throws with all it printed when it ends instead. */
  async address() {
    for (const until = performance.now() + START_MS; performance.now() < until;) {
      const found = /listens on (\S+)/.exec(this.output)?.[1];
      if (found !== undefined) return found.replace('[::1]', '127.0.0.1');
      if (this.child.exitCode !== null || this.child.signalCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`The application did not start:\n${this.output}`);
  }

  /** What it ends with when it is told to. */
  async end(signal = 'SIGTERM') {
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), END_MS);
    return this.exit.finally(() => clearTimeout(timer));
  }
}
