import type { EntityManager } from 'typeorm';
import type { Instance } from '../instances.js';
import { Rows } from '../world/rows.js';
import { runStep } from './run-step.js';
import type { Step, Write } from './write.js';

/** Thrown to roll back. */
class RolledBack extends Error {}

/** Does a write. Rejects when it is one that the database, or TypeORM, does not take. */
export async function runWrite({ frame, steps }: Write, instance: Instance): Promise<void> {
  const [first] = steps;
  if (first === undefined) return;
  const { classes, manager } = instance.rows(first.face);
  const source = instance.source(first.face);
  const all = async (inside: EntityManager, some: readonly Step[] = steps): Promise<void> => {
    for (const step of some) await runStep(step, new Rows(classes, inside));
  };
  const rolledBack = async (within: EntityManager, some: readonly Step[]): Promise<void> => {
    const done = within.transaction(async (inside) => {
      await all(inside, some);
      throw new RolledBack();
    });
    await done.catch((error: unknown) => {
      if (!(error instanceof RolledBack)) throw error;
    });
  };
  switch (frame) {
    case 'plain':
      return all(manager);
    case 'transaction':
      return source.transaction((inside) => all(inside));
    case 'rolled-back':
      return rolledBack(manager, steps);
    case 'savepoint':
      return source.transaction(async (inside) => {
        await all(inside, steps.slice(0, -1));
        await inside.transaction((inner) => all(inner, steps.slice(-1)));
      });
    case 'inner-rolled-back':
      return source.transaction(async (inside) => {
        await all(inside, steps.slice(0, -1));
        await rolledBack(inside, steps.slice(-1));
      });
    case 'query-runner': {
      const queryRunner = source.createQueryRunner();
      try {
        await queryRunner.startTransaction();
        await all(queryRunner.manager);
        await queryRunner.commitTransaction();
      } catch (error) {
        if (queryRunner.isTransactionActive) await queryRunner.rollbackTransaction();
        throw error;
      } finally {
        await queryRunner.release();
      }
    }
  }
}
