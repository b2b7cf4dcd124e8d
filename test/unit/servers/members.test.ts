import { expect, test } from 'vitest';
import { waitUntil } from '../../../servers/members.js';

test('asks until nothing is amiss', async () => {
  const answers = ['one is missing', 'one is late', undefined];
  await waitUntil('all of them', () => Promise.resolve(answers.shift()));

  expect(answers).toEqual([]);
});

test('tells what was amiss in the end', async () => {
  let asked = 0;
  const waiting = waitUntil('all of them', () => Promise.resolve(`${++asked} found late`), 30);
  const error: unknown = await waiting.catch((thrown: unknown) => thrown);

  expect(error).toEqual(new Error(`Waited 30 ms in vain for all of them: ${asked} found late.`));
});
