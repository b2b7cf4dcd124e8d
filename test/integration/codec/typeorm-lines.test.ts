import * as typeorm from 'typeorm';
import { expect, it } from 'vitest';

it('the tests of entities run on both lines of TypeORM, each with its own', (context) => {
  const project = context.task.file.projectName;
  expect(['servers', 'typeorm-0.3']).toContain(project);
  // It went with 1.0.
  expect('getConnection' in typeorm).toBe(project === 'typeorm-0.3');
});
