import { BoundedNames, firstKeyPart } from './bounded-names.js';
import { PREFIX } from './instruments.js';
import type { OtelAttributes } from './otel-api.js';

/** More sets than the values of our own can ever make: only names of keys multiply them, and those are bounded too. */
const MAX_SETS = 20_000;

/** The attributes of measurements. Each set is made once, so that what is counted at every hit makes no garbage. */
export class AttributeSets {
  private readonly sets = new Map<string, OtelAttributes>();
  /** Those of facts that are constants: found without making their text. */
  private readonly plain = new WeakMap<object, OtelAttributes>();
  private readonly names: BoundedNames | undefined;

  /** @param maxKeyNames so many first parts of keys are told apart; 0: keys are not told at all */
  constructor(
    private readonly namespace: string,
    maxKeyNames: number,
  ) {
    this.names = maxKeyNames > 0 ? new BoundedNames(maxKeyNames) : undefined;
  }

  /** @param facts attributes of ours, by their name without the prefix; `error.type` is not one of ours */
  of(facts: Readonly<Record<string, string | boolean>>, key?: string): OtelAttributes {
    const name = key === undefined ? undefined : this.names?.of(firstKeyPart(key));
    const plain = name === undefined ? this.plain.get(facts) : undefined;
    if (plain !== undefined) return plain;
    const set = this.setOf(facts, name);
    if (name === undefined && Object.isFrozen(facts)) this.plain.set(facts, set);
    return set;
  }

  private setOf(facts: Readonly<Record<string, string | boolean>>, name: string | undefined): OtelAttributes {
    let id = name ?? '';
    for (const fact in facts) id += `|${fact}=${String(facts[fact])}`;
    const known = this.sets.get(id);
    if (known !== undefined) return known;
    const made = this.make(facts, name);
    if (this.sets.size < MAX_SETS) this.sets.set(id, made);
    return made;
  }

  private make(facts: Readonly<Record<string, string | boolean>>, name: string | undefined): OtelAttributes {
    const own = Object.entries(facts).map(([fact, value]) => [fact === 'error.type' ? fact : PREFIX + fact, value]);
    return Object.freeze({
      [`${PREFIX}namespace`]: this.namespace,
      ...(name !== undefined && { [`${PREFIX}key.name`]: name }),
      ...(Object.fromEntries(own) as OtelAttributes),
    });
  }
}
