import { inject } from 'vitest';
import { postgres } from './databases/postgres.js';
import { differentialSuite } from './suite.js';

differentialSuite('postgres', () => postgres(inject('postgresUrl'), inject('redisUrl')), 10);
