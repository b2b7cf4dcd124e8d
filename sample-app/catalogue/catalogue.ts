import { Random } from './random.js';
import { CATEGORIES, MATERIALS, QUALITIES } from './words.js';

const SEED = 20_240_229;
const PRODUCTS = 3_000;
const SALES = 12_000;

/** Rows as the tables have them: the columns' names are the fields' names. */
export interface CatalogueRows {
  readonly categories: readonly { readonly id: number; readonly slug: string; readonly name: string }[];
  readonly products: readonly ProductRow[];
  readonly sales: readonly {
    readonly id: number;
    readonly product_id: number;
    readonly quantity: number;
    readonly unit_price_cents: number;
  }[];
}

export interface ProductRow {
  readonly id: number;
  readonly name: string;
  readonly price_cents: number;
  readonly category_id: number;
}

/** The whole catalogue, made up from one fixed seed: every instance, everywhere, would make the same rows. Numbers begin at 1. */
export function generateCatalogue(): CatalogueRows {
  const random = new Random(SEED);
  const categories = CATEGORIES.map(({ name }, index) => ({
    id: index + 1,
    slug: name.toLowerCase().replaceAll(' ', '-'),
    name,
  }));
  const products = Array.from({ length: PRODUCTS }, (_, index) => makeProduct(index + 1, random));
  const sales = Array.from({ length: SALES }, (_, index) => makeSale(index + 1, products, random));
  return { categories, products, sales };
}

function makeProduct(id: number, random: Random): ProductRow {
  const categoryIndex = random.below(CATEGORIES.length);
  const { nouns, fromCents } = CATEGORIES[categoryIndex] ?? CATEGORIES[0];
  return {
    id,
    name: `${random.pick(QUALITIES)} ${random.pick(MATERIALS)} ${random.pick(nouns)}`,
    price_cents: Math.round((fromCents * (1 + 4 * random.next())) / 10) * 10 + 9,
    category_id: categoryIndex + 1,
  };
}

// The square makes a few products sell much more than the others, so that the report has a clear top.
function makeSale(id: number, products: readonly ProductRow[], random: Random): CatalogueRows['sales'][number] {
  const product = products[Math.floor(random.next() ** 2 * products.length)];
  if (product === undefined) throw new Error('A sale needs at least one product');
  return { id, product_id: product.id, quantity: 1 + random.below(5), unit_price_cents: product.price_cents };
}
