import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ZkCode, type ZkClientPort } from '../../lib/locks/zookeeper/zk-client-port.js';
import { startZooKeeperEnsemble, type OwnZooKeeperEnsemble } from '../../servers/index.js';
import { MOST_AT_ONCE, testsOf } from './support/contract-tests.js';
import { connect, locksPathOf, zooKeeperLockCases } from './support/zookeeper-contracts.js';

vi.setConfig({ maxConcurrency: MOST_AT_ONCE });

const auth = { scheme: 'digest', credentials: 'shop:a-password' } as const;
const namespace = `locks-${randomUUID()}`;
const chroot = '/environments/test';

let ensemble: OwnZooKeeperEnsemble;
let admin: ZkClientPort;

beforeAll(async () => {
  ensemble = await startZooKeeperEnsemble();
  admin = await connect(ensemble.connectString, auth);
});

afterAll(async () => {
  await admin.close();
  await ensemble.stop();
});

/** Each provider of a case is on another member, as the processes of a fleet are. */
let opened = 0;
function connectString(): string {
  const member = ensemble.members[opened++ % ensemble.members.length];
  return `${String(member?.connectString)}${chroot}`;
}

describe('ZooKeeper lock on an ensemble, below a chroot, with a digest ACL', () => {
  describe.concurrent('keeps its contract', () => {
    const lock = () => ({ connectString: connectString(), auth, protectRoot: true });
    testsOf(zooKeeperLockCases({ lock, admin: () => admin, namespace, chroot, lagging: true }));
  });

  it('who does not have the credentials cannot make a lock there, on any member', async () => {
    const locksPath = locksPathOf(namespace, chroot);
    for (const member of ensemble.members) {
      const stranger = await connect(member.connectString);
      await stranger.sync(locksPath);
      expect(await stranger.createEphemeral(`${locksPath}/x`, 'x')).toBe(ZkCode.noAuth);
      await stranger.close();
    }
  });
});
