/**
 * Reads a key that was not cut back into its parts. Its existence is the proof that `encodeKey` is injective: what can be read back in one way only was written by one
 * list only.
 */
export function readKey(key: string): unknown[] {
  const reader = new KeyReader(key);
  const parts = [reader.value()];
  while (!reader.done) {
    reader.skip(':');
    parts.push(reader.value());
  }
  return parts;
}

const LITERALS = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
  ['undefined', undefined],
]);

class KeyReader {
  private at = 0;

  constructor(private readonly key: string) {}

  get done(): boolean {
    return this.at === this.key.length;
  }

  value(): unknown {
    const call = this.match(/([A-Z]\w*)\(/y);
    if (call !== undefined) return this.call(call.slice(0, -1));
    switch (this.key[this.at]) {
      case '#':
        return this.literal();
      case '[':
        return this.list('[', ']', () => this.value());
      case '(':
        return fromEntries(this.list('(', ')', () => this.entry()));
      default:
        return this.text();
    }
  }

  skip(expected: string): void {
    if (!this.key.startsWith(expected, this.at)) throw new Error(`Expected ${expected} at ${this.at} of ${this.key}`);
    this.at += expected.length;
  }

  private call(name: string): unknown {
    if (name === 'Date') return this.date();
    if (name === 'Map') return new Map(this.rest(')', () => this.entry()));
    if (name === 'Set') return new Set(this.rest(')', () => this.value()));
    const bytes = Uint8Array.from(Buffer.from(this.match(/[0-9a-f]*/y) ?? '', 'hex'));
    this.skip(')');
    const View = (globalThis as unknown as Record<string, new (buffer: ArrayBuffer) => unknown>)[name];
    if (View === undefined) throw new Error(`Expected a type instead of ${name} in ${this.key}`);
    return new View(bytes.buffer);
  }

  private date(): Date {
    const written = this.match(/[^)]*/y) ?? '';
    this.skip(')');
    return new Date(written === '#NaN' ? NaN : written);
  }

  private literal(): unknown {
    const word = (this.match(/#[^:,=)\]]+/y) ?? '').slice(1);
    if (LITERALS.has(word)) return LITERALS.get(word);
    return word.endsWith('n') ? BigInt(word.slice(0, -1)) : Number(word);
  }

  private entry(): [unknown, unknown] {
    const key = this.value();
    this.skip('=');
    return [key, this.value()];
  }

  private list<T>(open: string, close: string, item: () => T): T[] {
    this.skip(open);
    return this.rest(close, item);
  }

  private rest<T>(close: string, item: () => T): T[] {
    const items: T[] = [];
    while (!this.key.startsWith(close, this.at)) {
      if (items.length > 0) this.skip(',');
      items.push(item());
    }
    this.skip(close);
    return items;
  }

  private text(): string {
    const quoted = this.match(/"(?:[^"\\]|\\.)*"/y);
    if (quoted !== undefined) return JSON.parse(quoted) as string;
    const bare = this.match(/[\w.\-/@]+/y);
    if (bare === undefined) throw new Error(`Expected a part at ${this.at} of ${this.key}`);
    return bare;
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.key)?.[0];
    this.at += found?.length ?? 0;
    return found;
  }
}

function fromEntries(entries: [unknown, unknown][]): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const [key, value] of entries)
    Object.defineProperty(object, String(key), { value, enumerable: true, writable: true, configurable: true });
  return object;
}
