import { faultSuite } from './suite.js';

faultSuite(['PostgreSQL', 'input']);
