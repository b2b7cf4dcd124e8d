import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readConfig } from '../../../sample-app/config.js';

export const root = fileURLToPath(new URL('../../..', import.meta.url));

export const read = (path: string) => readFileSync(`${root}/${path}`, 'utf8');

/** A whole version, such as 8.2.1: a tag that does not move. */
export const PINNED = /^[a-z]+:\d+\.\d+(\.\d+)?(-[a-z-]+)?$/;

/** The variables that the sample looks at. */
export function readByTheSample(): string[] {
  const names: string[] = [];
  readConfig(new Proxy({}, { get: (_, name) => void names.push(String(name)) }));
  return names;
}
