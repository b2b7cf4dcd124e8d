// The run `e2e`: the tests in test/e2e as they stand, with vitest on the consumer's Node.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { run } from './command.mjs';
import { addTests } from './consumer.mjs';

const TIMEOUT_MS = 15 * 60_000;

/** @returns how many tests passed, to be shown. */
export async function runE2e(_words, { consumer, node, servers }) {
  if (!existsSync(join(consumer, 'test'))) addTests(consumer);
  const report = join(consumer, 'report.json');
  const vitest = join(consumer, 'node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'run', '--project', 'servers', 'test/e2e', '--reporter=dot', '--reporter=json'];
  const env = {
    ...node.env,
    TEST_REDIS_URL: servers.REDIS_URL,
    TEST_ZOOKEEPER_CONNECT: servers.ZOOKEEPER_CONNECT,
    TEST_POSTGRES_URL: servers.POSTGRES_URL,
  };
  await run(node.file, [...args, `--outputFile.json=${report}`], { cwd: consumer, env, timeoutMs: TIMEOUT_MS });
  const { numPassedTests } = JSON.parse(readFileSync(report, 'utf8'));
  if (numPassedTests === 0) throw new Error('No test ran.');
  return `${numPassedTests} passed`;
}
