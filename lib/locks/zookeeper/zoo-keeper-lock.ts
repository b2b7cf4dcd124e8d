import { isMainThread } from 'node:worker_threads';
import { InvalidOptionsError } from '../../core/errors.js';
import type { LockProviderFactory } from '../../core/provider-factory.js';
import { describeTarget } from './connect-string.js';
import { openNativeZkClient } from './native-zk-client.js';
import { resolveHostBySystem } from './server-addresses.js';
import { resolveZooKeeperLockOptions } from './zoo-keeper-lock-options.js';
import type { ZooKeeperLockOptions } from './zoo-keeper-lock-options.js';
import { ZooKeeperLockProvider } from './zoo-keeper-lock-provider.js';

/**
 * Locks kept by ZooKeeper: one ephemeral node for a key, two writes for a load, however many wait. Uses the `zookeeper` package, which is loaded when the
 * provider is built; if it can't be, the application starts nevertheless, and every attempt rejects with a `LockUnavailableError` that says what to do.
 *
 * Building the provider in a worker thread throws an `InvalidOptionsError`, unless `allowWorkerThreads` is true.
 *
 * @throws InvalidOptionsError when the options make no sense
 */
export function zooKeeperLock(options?: ZooKeeperLockOptions): LockProviderFactory {
  const resolved = resolveZooKeeperLockOptions(options);
  return {
    description: `zookeeper ${describeTarget(resolved.target)}`,
    createLockProvider: (context) => {
      if (!isMainThread && !resolved.allowWorkerThreads) {
        throw new InvalidOptionsError(
          'zooKeeperLock() must be used in the main thread, but this is a worker thread, where the native client of the zookeeper package can crash the whole process. ' +
            'Run the application in processes (cluster, child_process), or use redisLock() or inProcessLock() here; allowWorkerThreads: true takes the risk.',
        );
      }
      return new ZooKeeperLockProvider(resolved, context, {
        openClient: openNativeZkClient,
        resolveHost: resolveHostBySystem,
      });
    },
  };
}
