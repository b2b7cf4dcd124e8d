import type { Row } from '../row.js';
import type { Stage } from '../stage.js';
import { coldKeys } from './cold.js';
import { hitCost } from './hit-cost.js';
import { memory } from './memory.js';
import { hitRequests, missRequests, staleRequests, waiterRequests } from './requests.js';
import { route } from './route.js';
import { stampede } from './stampede.js';

export interface Part {
  readonly what: string;
  readonly run: (stage: Stage) => Promise<Row[]>;
}

/** By the name one asks for it, in the order in which they run. */
export const PARTS: Readonly<Record<string, Part>> = {
  hit: {
    what: 'requests of a hit, and its cost beside a bare GET + JSON.parse',
    run: async (stage) => [...(await hitRequests(stage)), ...(await hitCost(stage))],
  },
  miss: { what: 'requests of a miss that nobody else wants', run: missRequests },
  stale: { what: 'requests of a stale hit while another refreshes', run: staleRequests },
  waiter: { what: 'requests of a waiter in another process', run: waiterRequests },
  stampede: { what: '1 to --processes processes, 50 callers in each, on one cold key', run: stampede },
  cold: { what: '5,000 distinct cold keys, 64 at a time, with each lock', run: coldKeys },
  route: { what: 'requests/s of a Nest route from a hit, on Express and on Fastify', run: route },
  memory: { what: '100,000 misses: growth of the heap, and what is left behind', run: memory },
};
