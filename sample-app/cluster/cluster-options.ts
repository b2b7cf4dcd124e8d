import { parseArgs } from 'node:util';
import { parsed, UsageError, wholeNumber } from './command-line.js';

const LAST_PORT = 65_535;

export const CLUSTER_USAGE = 'Usage: npm run start:cluster -- [--instances 3] [--port 3001]';

export interface StartOptions {
  readonly instances: number;
  /** The port of the first instance; the others take those after it. 0 takes any free ones. */
  readonly firstPort: number;
}

/** Throws a {@link UsageError} for what cannot be meant. */
export function readClusterOptions(args: string[]): StartOptions {
  const { values } = parsed(() =>
    parseArgs({
      args,
      options: { instances: { type: 'string', default: '3' }, port: { type: 'string', default: '3001' } },
    }),
  );
  const instances = wholeNumber('--instances', values.instances, 1, 20);
  const firstPort = wholeNumber('--port', values.port, 0, LAST_PORT);
  if (firstPort + instances - 1 > LAST_PORT)
    throw new UsageError(`--port ${firstPort} leaves no room for ${instances} ports up to ${LAST_PORT}.`);
  return { instances, firstPort };
}
