import { expect, test } from 'vitest';
import { waitUntil } from '../../../servers/members.js';

test('asks until nothing is amiss', async () => {
  const answers = ['one is missing', 'one is late', undefined];
  await waitUntil('all of them', () => Promise.resolve(answers.shift()));

  expect(answers).toEqual([]);
});

test('tells what was amiss in the end', async () => {
  const answers = ['one is missing'];
  const waiting = waitUntil('all of them', () => Promise.resolve(answers.shift() ?? 'one is late'), 30);

  await expect(waiting).rejects.toThrow('Waited 30 ms in vain for all of them: one is late.');
});
