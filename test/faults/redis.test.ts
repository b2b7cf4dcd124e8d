import { faultSuite } from './suite.js';

faultSuite(['Redis']);
