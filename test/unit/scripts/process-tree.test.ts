import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { processesOf, resume, stopAll } from '../../../scripts/loaded/process-tree.mjs';

const started: number[] = [];

afterEach(() => {
  for (const pid of started.splice(0)) process.kill(pid, 'SIGKILL');
});

/** A process that lives until its input ends, and a child of it whose environment is empty. Resolves with both. */
async function family(marker: string): Promise<[parent: number, child: number]> {
  const [name = '', value = ''] = marker.split('=');
  const code = `
    const child = require('node:child_process').spawn(process.execPath, ['-e', 'process.stdin.resume()'], { env: {} });
    process.stdin.resume();
    process.stdout.write(String(child.pid));`;
  const parent = spawn(process.execPath, ['-e', code], { env: { [name]: value }, stdio: ['pipe', 'pipe', 'inherit'] });
  const [printed] = (await once(parent.stdout, 'data')) as [Buffer];
  const both: [number, number] = [parent.pid!, Number(printed.toString())];
  started.push(...both);
  return both;
}

const statesOf = (marker: string) => new Map(processesOf(marker).map(({ pid, state }) => [pid, state]));

describe.runIf(process.platform === 'linux')('the processes of a run', () => {
  it('are those with its marker and their descendants', async () => {
    const marker = `PROCESS_TREE_TEST=${randomUUID()}`;
    const both = await family(marker);
    await family(`PROCESS_TREE_TEST=${randomUUID()}`);
    expect([...statesOf(marker).keys()].sort()).toEqual([...both].sort());
  });

  it('are stopped and resumed together, but for those that were stopped already', async () => {
    const marker = `PROCESS_TREE_TEST=${randomUUID()}`;
    const [parent, child] = await family(marker);
    process.kill(child, 'SIGSTOP');
    await expect.poll(() => statesOf(marker).get(child)).toBe('T');
    const stopped = stopAll(marker);
    expect(stopped).toEqual([parent]);
    expect(statesOf(marker).get(parent)).toBe('T');
    resume(stopped);
    expect(statesOf(marker).get(parent)).not.toBe('T');
    expect(statesOf(marker).get(child)).toBe('T');
  });
});
