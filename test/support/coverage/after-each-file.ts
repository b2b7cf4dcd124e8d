import { takeCoverage } from 'node:v8';
import { afterAll } from 'vitest';

// A worker is ended by a signal, at which nothing is written any more.
afterAll(() => {
  takeCoverage();
});
