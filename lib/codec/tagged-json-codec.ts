import { EntryCodec } from '../core/entry-codec.js';
import { CorruptEntryError, OtherShapeError, UnserializableValueError } from '../core/errors.js';
import { ClassRegistry } from './class-registry.js';
import { jsonText } from './json-text.js';
import { isDeeperThan } from './nesting.js';
import { TagReader } from './tag-reader.js';
import { TagWriter } from './tag-writer.js';

/** The wrapper says whether there are tags inside, tells our entries from others' and makes every cut visible, a bare number's too. */
const PLAIN = 'json';
const TAGGED = 'tagged';
/** A value of 500 levels, the most that is written, has up to three levels of JSON for each of its own. */
const MAX_JSON_DEPTH = 2_000;

/**
 * Values as JSON that a person can read: `{"json": value}` where JSON can say everything, `{"tagged": value}` where it cannot. In the latter an object whose only
 * property begins with `$` is a tag: `{"$Date":"2024-01-31T12:00:00.000Z"}`, `{"$bigint":"1"}`, `{"$class":["Product",{"id":1}]}`; a value's own object that looks like one has one
 * `$` more. Nothing is guessed from the look of a text.
 *
 * Faithful for JSON values, `undefined`, `NaN`, infinities, `-0`, `bigint`, `Date` (invalid ones too), `Map`, `Set`, `RegExp`, `URL`, `Buffer`, `ArrayBuffer`, `DataView`, typed
 * arrays, lists with holes, objects without a prototype, and instances of registered classes. What would not come back with the same prototype and the same own properties is refused, with its path.
 *
 * A value is what can be read of it: getters come back as their value; what is frozen, or shared between two places, is not kept as such; hidden functions and getters are no content. Objects of
 * another realm come back as those of this one. The work is bounded, see `TagWriter`.
 */
export class TaggedJsonCodec extends EntryCodec {
  constructor(private readonly classes: ClassRegistry = new ClassRegistry()) {
    super();
  }

  encode(value: unknown): string {
    const writer = new TagWriter(this.classes);
    try {
      const lowered = writer.lower(value);
      return `{"${writer.tagged ? TAGGED : PLAIN}":${jsonText(lowered)}}`;
    } catch (error) {
      if (error instanceof UnserializableValueError) throw error;
      throw new UnserializableValueError(
        `${writer.place} cannot be read: ${messageOf(error)}. A getter of it failed, or it is not what it looks like.`,
        { cause: error },
      );
    }
  }

  decode(payload: string): unknown {
    try {
      if (payload.startsWith(`{"${PLAIN}":`)) return content(payload, PLAIN);
      if (payload.startsWith(`{"${TAGGED}":`)) return new TagReader(this.classes).revive(content(payload, TAGGED));
    } catch (error) {
      if (error instanceof CorruptEntryError || error instanceof OtherShapeError) throw error;
      throw new CorruptEntryError(`The entry cannot be read: ${messageOf(error)}`, { cause: error });
    }
    throw new CorruptEntryError('The entry was not written by this library, or by a version with another format.');
  }
}

function content(payload: string, wrapper: string): unknown {
  const document = JSON.parse(payload) as Record<string, unknown>;
  if (Object.keys(document).length !== 1) throw new CorruptEntryError('The entry has something beside its value.');
  if (isDeeperThan(MAX_JSON_DEPTH, payload, document))
    throw new CorruptEntryError(`The entry is nested deeper than ${MAX_JSON_DEPTH} levels, which is never written.`);
  return document[wrapper];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
