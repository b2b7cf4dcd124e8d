import { faultSuite } from './suite.js';

faultSuite(({ chapter, stage }) => stage !== 'rows' && chapter !== 'ZooKeeper' && chapter !== 'process');
