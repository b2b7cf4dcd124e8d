// `npm run start:cluster`: installs what is missing, builds, and becomes three instances of the sample application and their servers.
import { runBuilt } from './run-built.mjs';

await runBuilt('cluster/start-cluster.js');
