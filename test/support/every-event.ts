import type { CacheEvent } from '../../lib/core/cache-event.js';

const version = { kind: 'version', order: 1n };
const error = new Error('refused');

const UNSENT = { keys: 0, tags: 1, everything: false };
const NONE = { keys: 0, tags: 0, everything: false };

/** One event of every kind. */
export const EVERY_EVENT: { readonly [Type in CacheEvent['type']]: Extract<CacheEvent, { type: Type }> } = {
  hit: { type: 'hit', key: 'k', freshForMs: 1 },
  'stale-hit': { type: 'stale-hit', key: 'k', because: 'refreshing' },
  miss: { type: 'miss', key: 'k' },
  joined: { type: 'joined', key: 'k' },
  'lock-acquired': { type: 'lock-acquired', key: 'k', token: 1n },
  'lock-busy': { type: 'lock-busy', key: 'k' },
  'lock-waited': { type: 'lock-waited', key: 'k', reason: 'released', waitedMs: 1 },
  'lock-released': { type: 'lock-released', key: 'k', heldMs: 1 },
  'lock-lost': { type: 'lock-lost', key: 'k', token: 1n },
  'lock-unavailable': { type: 'lock-unavailable', key: 'k', error },
  'lock-state': { type: 'lock-state', provider: 'zookeeper', state: 'connected', previous: 'connecting' },
  'lease-busy': { type: 'lease-busy', key: 'k' },
  'lease-waited': { type: 'lease-waited', key: 'k', reason: 'told', waitedMs: 1 },
  'filled-by-another': { type: 'filled-by-another', key: 'k' },
  leased: { type: 'leased', key: 'k', existed: false },
  'eager-refresh': { type: 'eager-refresh', key: 'k', freshForMs: 1 },
  'load-queued': { type: 'load-queued', key: 'k', ahead: 0 },
  'load-turn': { type: 'load-turn', key: 'k', waitedMs: 1 },
  'load-shed': { type: 'load-shed', key: 'k', because: 'limit', background: false },
  'load-started': { type: 'load-started', key: 'k', under: 'lock' },
  'load-finished': { type: 'load-finished', key: 'k', loadMs: 1 },
  'load-failed': { type: 'load-failed', key: 'k', loadMs: 1, error },
  'failure-shared': { type: 'failure-shared', key: 'k' },
  stored: { type: 'stored', key: 'k', version, bytes: 1 },
  renewed: { type: 'renewed', key: 'k', version },
  'renewal-refused': { type: 'renewal-refused', key: 'k', because: 'coarse-version' },
  superseded: { type: 'superseded', key: 'k', reason: 'invalidated' },
  'flight-superseded': { type: 'flight-superseded', key: 'k' },
  'version-regressed': { type: 'version-regressed', key: 'k', version },
  'not-stored': { type: 'not-stored', key: 'k', reason: 'too-large' },
  'wait-timeout': { type: 'wait-timeout', key: 'k', waitedMs: 1, then: 'load' },
  'store-unavailable': { type: 'store-unavailable', step: 'read', key: 'k', error },
  'breaker-changed': { type: 'breaker-changed', server: 'store', state: 'open', previous: 'closed' },
  'corrupt-entry': { type: 'corrupt-entry', key: 'k', error },
  'other-shape': { type: 'other-shape', key: 'k', error, stays: false },
  invalidated: { type: 'invalidated', key: 'k' },
  'tags-announced': { type: 'tags-announced', tags: ['a'], keys: 1 },
  'announcement-failed': { type: 'announcement-failed', keys: 0, tags: 1, everything: false, unsent: UNSENT, error },
  'announcements-collapsed': { type: 'announcements-collapsed' },
  'announcements-refused': { type: 'announcements-refused', unsent: UNSENT, error },
  'announcement-made-up': { type: 'announcement-made-up', ...UNSENT, unsent: NONE },
  'announcement-lost': { type: 'announcement-lost', ...UNSENT, error },
  'outbox-drained': { type: 'outbox-drained', rows: 3 },
  'outbox-failing': { type: 'outbox-failing', error },
  set: { type: 'set', key: 'k', outcome: 'stored' },
  cleared: { type: 'cleared' },
  bypassed: { type: 'bypassed', reason: 'transaction' },
};
