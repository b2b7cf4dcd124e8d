import { errorMessage } from '../core/error-text.js';
import type { VersionedStore } from '../core/versioned-store.js';
import type { ResolvedCacheOptions } from '../distributed-cache.options.js';

interface StartedPart {
  /** Without credentials. */
  readonly description: string;
  /** Whether its server has answered at start, and if not, why; undefined where there is no server to ask. */
  readonly reached?: Reached | undefined;
}

export type Reached = { readonly up: true } | { readonly up: false; readonly error: unknown };

interface StartedParts {
  readonly store: StartedPart;
  readonly lock: StartedPart;
  readonly scope: VersionedStore['scope'];
}

/** The one line at start: lock, store and namespace, which of their servers answer, and what an operator might not expect of them. */
export function startLine(
  { namespace, namespaceGiven, lock }: ResolvedCacheOptions,
  parts: StartedParts,
): { readonly level: 'log' | 'warn'; readonly message: string } {
  const facts = `Cache '${namespace}': store ${described(parts.store)}, lock ${described(parts.lock)}.`;
  if (parts.scope === 'process') {
    const instead = lock === undefined || isInProcess(lock) ? '' : ' The configured lock is not used.';
    const bounds =
      'The store is in this process: one load, never backwards and changes win (P1 to P3) hold in this process only.';
    return { level: lock !== undefined && isInProcess(lock) ? 'log' : 'warn', message: `${facts} ${bounds}${instead}` };
  }
  const advice = namespaceGiven
    ? ''
    : " No namespace is given: other applications without one share these entries. Set namespace: 'your-app'.";
  const allReached = [parts.store, parts.lock].every(({ reached }) => reached?.up !== false);
  return { level: namespaceGiven && allReached ? 'log' : 'warn', message: facts + advice };
}

function described({ description, reached }: StartedPart): string {
  if (reached === undefined) return description;
  return `${description} (${reached.up ? 'reachable' : `not reachable: ${errorMessage(reached.error).replace(/\.$/, '')}`})`;
}

/** Instead of it: what nobody would look for behind a cache that is switched off. */
export function disabledLine({ namespace }: ResolvedCacheOptions): string {
  return (
    `Cache '${namespace}' is disabled: every call loads. What this instance writes is not announced either: ` +
    'instances of this namespace that are enabled may serve older values until their ttlMs is over.'
  );
}

function isInProcess(lock: NonNullable<ResolvedCacheOptions['lock']>): boolean {
  return ('description' in lock ? lock.description : lock.name).startsWith('in-process');
}
