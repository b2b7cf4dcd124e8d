import { faultSuite } from './suite.js';

faultSuite(['ZooKeeper']);
