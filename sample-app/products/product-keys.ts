/**
 * The keys under which products are cached, named in one place: whoever stores and whoever invalidates must mean the same key. An id in
 * a path is text, one in a row is a number, and `/products/007` is the product 7.
 */
export function productKey(id: unknown): readonly unknown[] {
  return ['product', typeof id === 'string' && /^\d+$/.test(id) ? Number(id) : id];
}

export function categoryKey(slug: unknown): readonly unknown[] {
  return ['products', 'category', slug];
}
