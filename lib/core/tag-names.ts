import { createHash } from 'node:crypto';
import { encodeKey } from './cache-key.js';

/** Into so many tags the entries of a class are spread, so that none of them grows with the whole cache. */
const BULK_SHARDS = 32;

/** A tag that the application gives and announces itself. */
export function userTag(tag: string): string {
  return encodeKey(['tag', tag]);
}

/** The entries whose value is this very row. Announced with every change of the row, and with its version. */
export function rowTag(entity: string, id: readonly string[]): string {
  return encodeKey(['row', entity, ...id]);
}

/** The entries that contain this row somewhere. Announced with every change of the row. */
export function partTag(entity: string, id: readonly string[]): string {
  return encodeKey(['part', entity, ...id]);
}

/** The entries that any change of the entity may concern: a list may gain a row by an update of one that is not in it. */
export function listTag(entity: string): string {
  return encodeKey(['list', entity]);
}

/** The lists that only care which rows there are. Announced when rows come and go. */
export function membersTag(entity: string): string {
  return encodeKey(['members', entity]);
}

/** The entries that say that there is no such row. Announced with every change, since an update may make a row match. */
export function absenceTag(entity: string): string {
  return encodeKey(['absence', entity]);
}

/** Every entry with rows of this entity. Announced with changes that do not tell which rows they touch. */
export function bulkTag(entity: string, key: string): string {
  return shard(entity, (createHash('sha1').update(key).digest()[0] ?? 0) % BULK_SHARDS);
}

/** What a change that tells no rows announces. */
export function bulkTags(entity: string): string[] {
  return Array.from({ length: BULK_SHARDS }, (_, index) => shard(entity, index));
}

function shard(entity: string, index: number): string {
  return encodeKey(['bulk', entity, index]);
}
