import { faultSuite } from './suite.js';

faultSuite(['process']);
