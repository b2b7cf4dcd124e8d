// `npm start`: installs what is missing, builds, and becomes the sample application.
import { runBuilt } from './run-built.mjs';

await runBuilt('main.js');
