import { spawn } from 'node:child_process';

/** What a command printed, when it ended well; else an error that shows it. */
export async function run(file, args, { timeoutMs = 300_000, ...options }) {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const output = { stdout: '', all: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
    output.all += chunk;
  });
  child.stderr.on('data', (chunk) => (output.all += chunk));
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const [code, signal] = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (...end) => resolve(end));
  }).finally(() => clearTimeout(timer));
  if (code === 0) return output.stdout;
  throw new Error(`${file} ${args.join(' ')} ended with ${signal ?? code}:\n${output.all}`);
}
