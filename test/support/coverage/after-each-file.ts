import { afterAll } from 'vitest';
import { takeCoverage } from './of-process.mjs';

// A worker is ended by a signal, at which nothing is written any more.
afterAll(() => {
  takeCoverage();
});
