/** What stands for all names beyond those that may be told apart; the semantic conventions call it so for `error.type`. */
const OTHER = '_OTHER';

/** Lets so many different names through, those that come first, and calls all others {@link OTHER}: every name of an attribute is a series that is kept for ever. */
export class BoundedNames {
  private readonly known = new Set<string>();

  constructor(private readonly max: number) {}

  of(name: string | undefined): string {
    if (name === undefined) return OTHER;
    if (this.known.has(name)) return name;
    if (this.known.size >= this.max) return OTHER;
    this.known.add(name);
    return name;
  }
}

const NAME = /^[\w.\-/@]{1,64}$/;

/** The first part of an encoded key, when it is a short and simple text: `product` of `product:#42`. */
export function firstKeyPart(key: string): string | undefined {
  const end = key.indexOf(':');
  const part = end < 0 ? key : key.slice(0, end);
  return NAME.test(part) ? part : undefined;
}

/** What kind of error it is: the name of its class. */
export function errorName(error: unknown): string | undefined {
  if (!(error instanceof Error)) return typeof error;
  return NAME.test(error.name) ? error.name : undefined;
}
