import type { LockProviderFactory } from '../core/provider-factory.js';
import { InProcessLockProvider } from './in-process-lock-provider.js';

/**
 * Locks among the callers of one process. For an application that runs as a single instance, and for tests; with several instances,
 * each of them loads once.
 */
export function inProcessLock(): LockProviderFactory {
  return {
    description: 'in-process',
    createLockProvider: ({ clock }) => new InProcessLockProvider({ clock }),
  };
}
