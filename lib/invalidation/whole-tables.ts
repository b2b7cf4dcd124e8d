import { absenceTag, bulkTags, listTag, membersTag } from '../core/tag-names.js';
import type { TagChange } from '../core/tagging.js';

/** Every entry with rows of a table. */
export function everything(table: string): TagChange[] {
  return bulkTags(table).map((tag) => ({ tag }));
}

/** Lists of a table's rows, counts of them, and entries that say there is none. */
export function listsOf(table: string): TagChange[] {
  return [{ tag: listTag(table) }, { tag: absenceTag(table) }, { tag: membersTag(table) }];
}
