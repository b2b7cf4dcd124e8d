import { describe, expect, it } from 'vitest';
import { generateCatalogue } from '../../../sample-app/catalogue/catalogue.js';

describe('generateCatalogue', () => {
  it('makes the same rows every time, on every machine', () => {
    expect(generateCatalogue()).toEqual(generateCatalogue());
    expect(generateCatalogue().products[41]).toEqual({
      id: 42,
      name: 'Classic Linen Luggage Tag',
      price_cents: 1189,
      category_id: 12,
    });
  });

  it('makes rows that fit together', () => {
    const { categories, products, sales } = generateCatalogue();
    expect([categories.length, products.length, sales.length]).toEqual([12, 3_000, 12_000]);
    expect(new Set(categories.map(({ slug }) => slug)).size).toBe(12);
    const filled = new Set(products.map((product) => product.category_id));
    expect([...filled].sort((a, b) => a - b)).toEqual(categories.map(({ id }) => id));
    expect(products.every(({ price_cents }) => Number.isInteger(price_cents) && price_cents > 0)).toBe(true);
    const ids = new Set(products.map(({ id }) => id));
    expect(sales.every(({ product_id, quantity }) => ids.has(product_id) && quantity > 0)).toBe(true);
  });
});
