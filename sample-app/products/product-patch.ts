import { BadRequestException } from '@nestjs/common';
import type { Product } from '../catalogue/product.entity.js';

/** What of a product can be changed. */
export type ProductPatch = Partial<Pick<Product, 'name' | 'priceCents'>>;

const LONGEST_NAME = 200;
const HIGHEST_PRICE_CENTS = 100_000_000;

/** A request's body, checked by hand. Throws a {@link BadRequestException} that says what was expected. */
export function parseProductPatch(body: unknown): ProductPatch {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw refuse('the body must be a JSON object');
  const entries = Object.entries(body);
  if (entries.length === 0) throw refuse('there is nothing to change');
  const patch: ProductPatch = {};
  for (const [name, value] of entries) {
    if (name === 'name') patch.name = parseName(value);
    else if (name === 'priceCents') patch.priceCents = parsePrice(value);
    else throw refuse(`'${name}' cannot be changed`);
  }
  return patch;
}

function parseName(value: unknown): string {
  const name = typeof value === 'string' ? value.trim() : '';
  // A NUL is valid JSON, but PostgreSQL's text cannot hold it.
  if (name === '' || name.length > LONGEST_NAME || name.includes('\0'))
    throw refuse(`'name' must be text of 1 to ${LONGEST_NAME} characters`);
  return name;
}

function parsePrice(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= HIGHEST_PRICE_CENTS) return value;
  throw refuse(`'priceCents' must be a whole number from 0 to ${HIGHEST_PRICE_CENTS}`);
}

function refuse(mistake: string): BadRequestException {
  return new BadRequestException(`${mistake}. Send for example {"priceCents":1999} or {"name":"Quiet Oak Kettle"}.`);
}
