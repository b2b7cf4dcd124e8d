import { sqlJs } from './databases/sqljs.js';
import { differentialSuite } from './suite.js';

differentialSuite('sqljs', () => Promise.resolve(sqlJs()), 60);
