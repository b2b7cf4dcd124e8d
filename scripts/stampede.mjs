// `npm run stampede`: installs what is missing, builds, and throws requests at a cold report of a cluster of its own.
import { runBuilt } from './run-built.mjs';

await runBuilt('cluster/stampede/stampede.js');
