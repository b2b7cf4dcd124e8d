import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { discardUnbegunLogs } from '../../../servers/zookeeper-logs.js';

test('only logs that were not begun go', () => {
  const directory = mkdtempSync(join(tmpdir(), 'zookeeper-logs-test-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  discardUnbegunLogs(directory);
  const logs = join(directory, 'data', 'version-2');
  mkdirSync(logs, { recursive: true });
  for (const [name, size] of Object.entries({ 'log.1': 16, 'log.5': 70, 'log.8': 0, 'log.9': 15, 'snapshot.0': 0 }))
    writeFileSync(join(logs, name), Buffer.alloc(size));

  discardUnbegunLogs(directory);

  expect(readdirSync(logs).sort()).toEqual(['log.1', 'log.5', 'snapshot.0']);
});
