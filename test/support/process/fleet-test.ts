import { randomUUID } from 'node:crypto';
import { afterAll, inject, it as base } from 'vitest';
import { InstanceProcess, PATIENT, type InstanceSettings } from './instance-process.js';
import { ItemTable } from './item-table.js';
import { ProcessPool } from './process-pool.js';

/** What a test has of its own, and what ends with it. */
export interface Fleet {
  readonly namespace: string;
  readonly items: ItemTable;
  /** Instances on the servers that all tests share, unless `more` names others. */
  start(count: number, more?: Partial<InstanceSettings>): Promise<InstanceProcess[]>;
}

/**
 * A test over instances in processes of their own, made once in a file: the tests of the file share
 * the processes, and their end is the end of the file.
 */
export function fleetTest() {
  const instances = new ProcessPool<InstanceSettings, InstanceProcess>(() => new InstanceProcess());
  afterAll(() => instances.end());
  return base.extend('fleet', async ({ task: _ }, { onCleanup }): Promise<Fleet> => {
    const namespace = `processes-${randomUUID()}`;
    const items = await ItemTable.open(inject('postgresUrl'), namespace);
    const opened: InstanceProcess[] = [];
    onCleanup(async () => {
      // Its end opens all gates, so no load keeps an application from closing.
      await items.close();
      await instances.giveBack(opened);
    });
    const open = async (settings: InstanceSettings): Promise<InstanceProcess> => {
      const instance = await instances.open(settings);
      opened.push(instance);
      return instance;
    };
    return {
      namespace,
      items,
      start: (count, more = {}) => {
        const settings = {
          namespace,
          redisUrl: inject('redisUrl'),
          zooKeeperConnect: inject('zooKeeperConnect'),
          postgresUrl: inject('postgresUrl'),
          sessionTimeoutMs: 20_000,
          options: PATIENT,
          ...more,
        };
        return Promise.all(Array.from({ length: count }, () => open(settings)));
      },
    };
  });
}
