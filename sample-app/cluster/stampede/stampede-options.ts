import { parseArgs } from 'node:util';
import { CACHE_MODES, type CacheMode } from '../../config.js';
import { parsed, UsageError, wholeNumber } from '../command-line.js';

export interface StampedeOptions {
  /** Requests for each mode; at least one for each instance. */
  readonly requests: number;
  readonly instances: number;
  readonly modes: readonly CacheMode[];
}

export const STAMPEDE_USAGE = `Usage: npm run stampede -- [--requests 300] [--instances 3] [--mode ${CACHE_MODES.join('|')}]…`;

/** Throws a {@link UsageError} for what cannot be meant. */
export function readStampedeOptions(args: string[]): StampedeOptions {
  const { values } = parsed(() =>
    parseArgs({
      args,
      options: {
        requests: { type: 'string', default: '300' },
        instances: { type: 'string', default: '3' },
        mode: { type: 'string', multiple: true, default: [...CACHE_MODES] },
      },
    }),
  );
  const instances = wholeNumber('--instances', values.instances, 1, 20);
  const requests = wholeNumber('--requests', values.requests, instances, 1_000);
  return { requests, instances, modes: [...new Set(values.mode.map(readMode))] };
}

function readMode(text: string): CacheMode {
  const mode = CACHE_MODES.find((candidate) => candidate === text);
  if (mode !== undefined) return mode;
  throw new UsageError(`--mode must be one of ${CACHE_MODES.join(', ')}, but is '${text}'.`);
}
