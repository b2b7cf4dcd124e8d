// `npm run test:loaded [-- --busy 16 --seed 1 --no-stops --ci, and what npm test takes]`: `npm test` beside so many busy processes, on a machine that stands still
// now and then: all processes and servers of the run are stopped together for up to 3 s. `--ci` runs .ci/run instead. The exit code is that of the run. Linux only.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { loadavg } from 'node:os';
import { setTimeout as rest } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { resume, stopAll } from './loaded/process-tree.mjs';

/** Milliseconds. A client with a session of 4 s takes itself for cut off after two thirds of it. */
const STOPPED_MS = [300, 2_800];
const BETWEEN_STOPS_MS = [5_000, 20_000];
const LOOK_AT_LOAD_MS = 5_000;

const { values, positionals } = parseArgs({
  options: {
    busy: { type: 'string', default: '16' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    stops: { type: 'boolean', default: true },
    ci: { type: 'boolean', default: false },
  },
  allowNegative: true,
  allowPositionals: true,
});
const busy = Number(values.busy);
let seed = Number(values.seed);
if (!Number.isInteger(busy) || busy < 0 || !Number.isInteger(seed) || process.platform !== 'linux') {
  console.error('Expected Linux, a whole --busy of 0 or more, and a whole --seed.');
  process.exit(2);
}

/** A number between the two that follows from the seed: a linear congruential generator with the constants of Numerical Recipes. */
function between([least, most]) {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return least + ((most - least) * seed) / 2 ** 32;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const run = `TEST_LOADED_RUN=${randomUUID()}`;
const [name, id] = run.split('=');
const [file, ...args] = values.ci ? ['bash', '.ci/run'] : ['npm', 'test', '--', ...positionals];
console.log(`Seed ${seed}: ${[file, ...args].join(' ')} beside ${busy} busy processes.`);
const loops = Array.from({ length: busy }, () =>
  spawn(process.execPath, [fileURLToPath(new URL('loaded/busy-loop.mjs', import.meta.url))], { stdio: 'ignore' }),
);
const child = spawn(file, args, { cwd: root, env: { ...process.env, [name]: id }, stdio: 'inherit' });
const ended = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));

let stops = 0;
let stoppedMs = 0;
async function standStill() {
  while (values.stops && !ended.signal.aborted) {
    await rest(between(BETWEEN_STOPS_MS), undefined, { signal: ended.signal }).catch(() => undefined);
    if (ended.signal.aborted) return;
    const begin = performance.now();
    const stopped = stopAll(run);
    await rest(between(STOPPED_MS));
    resume(stopped);
    stops += 1;
    stoppedMs += performance.now() - begin;
  }
}

const loads = [];
const watch = setInterval(() => loads.push(loadavg()[0]), LOOK_AT_LOAD_MS);
const standing = standStill();
const begin = performance.now();
const code = await new Promise((resolve) => child.once('close', (status) => resolve(status ?? 1)));
ended.abort();
await standing;
clearInterval(watch);
for (const loop of loops) loop.kill('SIGKILL');

loads.sort((a, b) => a - b);
const load = (loads[loads.length >> 1] ?? loadavg()[0]).toFixed(1);
const stood = `${stops} stops of ${Math.round(stoppedMs / 1_000)} s in all`;
console.log(
  `The run took ${Math.round((performance.now() - begin) / 1_000)} s at a median load average of ${load}, with ${stood}.`,
);
process.exitCode = code;
