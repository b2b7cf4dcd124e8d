import { describe, expect, it } from 'vitest';
import { freezeDeep } from '../../../lib/core/freeze.js';

class Product {
  constructor(readonly tags: string[]) {}
}

/** Every way in which a value may be changed, and the value before it. */
const CHANGES: [string, () => unknown, (value: never) => void][] = [
  ['a property', () => ({ a: 1 }), (value: { a: number }) => (value.a = 2)],
  ['a new property', () => ({}), (value: { a?: number }) => (value.a = 2)],
  ['a property that goes', () => ({ a: 1 }), (value: { a?: number }) => delete value.a],
  ['a list', () => [1], (value: number[]) => value.push(2)],
  ['something further down', () => [{ a: [{ b: 1 }] }], (value: [{ a: [{ b: number }] }]) => (value[0].a[0].b = 2)],
  ['an entity', () => new Product(['a']), (value: Product) => value.tags.push('b')],
  ['a date', () => ({ at: new Date(0) }), (value: { at: Date }) => value.at.setUTCFullYear(2000)],
  ['a date by setTime', () => new Date(0), (value: Date) => value.setTime(1)],
  ['a map', () => new Map([[1, 2]]), (value: Map<number, number>) => value.set(1, 3)],
  ['a map by delete', () => new Map([[1, 2]]), (value: Map<number, number>) => value.delete(1)],
  ['a map by clear', () => new Map([[1, 2]]), (value: Map<number, number>) => value.clear()],
  ['what a map holds', () => new Map([[1, { a: 1 }]]), (value: Map<number, { a: number }>) => (value.get(1)!.a = 2)],
  ['the key of a map', () => new Map([[{ a: 1 }, 1]]), (value: Map<{ a: number }, 1>) => ([...value.keys()][0]!.a = 2)],
  ['a set', () => new Set([1]), (value: Set<number>) => value.add(2)],
  ['a set by delete', () => new Set([1]), (value: Set<number>) => value.delete(1)],
  ['a set by clear', () => new Set([1]), (value: Set<number>) => value.clear()],
  ['what a set holds', () => new Set([{ a: 1 }]), (value: Set<{ a: number }>) => ([...value][0]!.a = 2)],
];

describe('freezeDeep', () => {
  it.each(CHANGES)('keeps %s from being changed', (_, make, change) => {
    const { value, shareable } = freezeDeep(make());
    expect(() => {
      change(value as never);
    }).toThrow(TypeError);
    expect(value).toStrictEqual(make());
    expect(shareable).toBe(true);
  });

  it('says what to do to whoever changes a date', () => {
    const { value } = freezeDeep(new Date(0));
    expect(() => (value as Date).setHours(1)).toThrow("share: 'frozen'. Copy it before you change it");
  });

  it.each([undefined, null, 0, '', 'text', 1n, true])('takes %s', (value) => {
    expect(freezeDeep(value)).toStrictEqual({ value, shareable: true });
  });

  it.each<[string, unknown]>([
    ['bytes', Buffer.from('a')],
    ['no bytes', new Uint8Array(0)],
    ['floats', new Float64Array(1)],
    ['a buffer', new ArrayBuffer(1)],
    ['a view', new DataView(new ArrayBuffer(1))],
    ['a pattern', /a/g],
    ['a URL', new URL('https://a.example')],
  ])('leaves %s as they are, and says that the whole cannot be shared', (_, content) => {
    const holder = { content, list: [1] };
    expect(freezeDeep({ holder }).shareable).toBe(false);
    expect(Object.isFrozen(content)).toBe(false);
    expect(Object.isFrozen(holder) && Object.isFrozen(holder.list)).toBe(true);
  });

  it('hides nothing of a value: it reads, copies and serializes as before', () => {
    const value = () => ({ at: new Date(5), map: new Map([[1, new Set([2])]]), list: [new Product(['a'])] });
    const frozen = freezeDeep(value()).value as ReturnType<typeof value>;
    expect(frozen).toStrictEqual(value());
    expect(structuredClone({ at: frozen.at, map: frozen.map })).toStrictEqual({ at: new Date(5), map: value().map });
    expect(JSON.stringify(frozen)).toBe(JSON.stringify(value()));
    expect(Object.keys(frozen.at)).toStrictEqual([]);
  });

  it('goes deeper than the stack', () => {
    const deep: unknown = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));
    expect(freezeDeep(deep).shareable).toBe(true);
  });
});
