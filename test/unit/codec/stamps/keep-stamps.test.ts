import { describe, expect, it } from 'vitest';

import { keepStamps } from '../../../../lib/codec/stamps/keep-stamps.js';

const at = { propertyPath: 'at' };
const ordered = { name: 'Dated', target: class Dated {}, embeddeds: [], updateDateColumn: at };

/** A data source whose pool hands out this. */
function source(obtained: unknown, columns: object = {}, type = 'postgres') {
  const door = (): Promise<unknown> => Promise.resolve(obtained);
  const driver = { obtainMasterConnection: door, obtainSlaveConnection: door };
  return { driver, dataSource: { options: { type }, driver, entityMetadatas: [{ ...ordered, ...columns }] } };
}

describe('keepStamps', () => {
  it.each<[string, unknown, string]>([
    [
      'a client of a pool of its own, as an embedded database has it',
      [{ query: () => undefined }, () => undefined],
      'postgres',
    ],
    [
      'a client that throws when it is looked at',
      [
        {
          getTypeParser: () => {
            throw new Error('closed');
          },
          setTypeParser: () => undefined,
        },
      ],
      'postgres',
    ],
    ['another shape', undefined, 'mysql'],
  ])('hands out %s untouched, and knows that it reads milliseconds', async (_, obtained, type) => {
    const { driver, dataSource } = source(obtained, {}, type);
    const keeping = keepStamps(dataSource);
    expect(await driver.obtainMasterConnection()).toBe(obtained);
    expect(await driver.obtainSlaveConnection()).toBe(obtained);
    expect(keeping).toEqual({ refused: true });
  });

  it('leaves the connections alone while all entities have a @VersionColumn', async () => {
    const { driver, dataSource } = source([{}], { versionColumn: at });
    const keeping = keepStamps(dataSource);
    await driver.obtainMasterConnection();
    expect(keeping).toEqual({ refused: false });
  });

  it('stands at each door once, and passes failures on', async () => {
    const { driver, dataSource } = source([{}]);
    driver.obtainMasterConnection = () => Promise.reject(new Error('no route'));
    const keeping = keepStamps(dataSource);
    const { obtainMasterConnection } = driver;
    expect(keepStamps(dataSource)).toBe(keeping);
    expect(driver.obtainMasterConnection).toBe(obtainMasterConnection);
    await expect(driver.obtainMasterConnection()).rejects.toThrow('no route');
  });

  it.each(['better-sqlite3', 'mssql', 'mongodb'])('changes nothing of %s', (type) => {
    const { driver, dataSource } = source([{}], {}, type);
    const { obtainMasterConnection } = driver;
    expect(keepStamps(dataSource)).toBeUndefined();
    expect(driver.obtainMasterConnection).toBe(obtainMasterConnection);
  });
});
