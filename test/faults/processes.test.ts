import { faultSuite } from './suite.js';

faultSuite(({ stage }) => stage === 'rows');
