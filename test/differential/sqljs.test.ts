import { sqlJs } from './databases/sqljs.js';
import { GIVES } from './reads/read.js';
import { differentialSuite } from './suite.js';
import { hasInsertSelect } from './writes/query-steps.js';
import { STEP_KINDS } from './writes/write.js';

const steps = STEP_KINDS;
// An answer with counted relations depends on entities that it does not show.
const answers = GIVES.filter((gives) => gives !== 'counted').map((gives) => `outdated: ${gives}`);

// Both lines of TypeORM hear the same; one of them shows that everything happens.
if (hasInsertSelect()) differentialSuite('sqljs', () => Promise.resolve(sqlJs()), 60, new Set([...steps, ...answers]));
else differentialSuite('sqljs', () => Promise.resolve(sqlJs()), 20);
