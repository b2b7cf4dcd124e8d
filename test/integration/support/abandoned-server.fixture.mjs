// Starts a server, tells its process id and directory, and then waits to be killed.
import { readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createViteServer } from 'vitest/node';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const vite = await createViteServer({
  root,
  configFile: false,
  logLevel: 'error',
  appType: 'custom',
  server: { middlewareMode: true, watch: null, ws: false },
  optimizeDeps: { noDiscovery: true },
});
const { startRedis } = await vite.ssrLoadModule('/servers/index.ts');
const { pid } = await startRedis();
const directory = readlinkSync(`/proc/${pid}/cwd`);
process.stdout.write(`${JSON.stringify({ pid, directory })}\n`);
setInterval(() => undefined, 60_000);
