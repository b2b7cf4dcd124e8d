// Starts a server, tells its process id and directory, and then waits to be killed.
import { readlinkSync } from 'node:fs';
import { register } from 'node:module';

register('../../support/typescript-hooks.mjs', import.meta.url);
const { startRedis } = await import('../../../servers/index.ts');
const { pid } = await startRedis();
const directory = readlinkSync(`/proc/${pid}/cwd`);
process.stdout.write(`${JSON.stringify({ pid, directory })}\n`);
setInterval(() => undefined, 60_000);
