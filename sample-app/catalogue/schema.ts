/**
 * The tables of the entities, written out: TypeORM's own `synchronize` takes several connections and no lock, so two instances that
 * start together on an empty database would both try to make the tables.
 */
export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS category (
    id integer CONSTRAINT category_pkey PRIMARY KEY,
    slug text NOT NULL,
    name text NOT NULL
  );
  CREATE UNIQUE INDEX IF NOT EXISTS category_slug_idx ON category (slug);

  CREATE TABLE IF NOT EXISTS product (
    id integer CONSTRAINT product_pkey PRIMARY KEY,
    name text NOT NULL,
    price_cents integer NOT NULL,
    category_id integer NOT NULL CONSTRAINT product_category_id_fkey REFERENCES category,
    version integer NOT NULL,
    updated_at timestamp(6) with time zone NOT NULL DEFAULT now()
  );
  CREATE INDEX IF NOT EXISTS product_category_id_idx ON product (category_id);

  CREATE TABLE IF NOT EXISTS sale (
    id integer CONSTRAINT sale_pkey PRIMARY KEY,
    product_id integer NOT NULL CONSTRAINT sale_product_id_fkey REFERENCES product,
    quantity integer NOT NULL,
    unit_price_cents integer NOT NULL
  );
  CREATE INDEX IF NOT EXISTS sale_product_id_idx ON sale (product_id);
`;
