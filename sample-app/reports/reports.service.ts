import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { SAMPLE_APP_CONFIG, type SampleAppConfig } from '../config.js';

export interface TopSeller {
  readonly productId: number;
  readonly name: string;
  readonly unitsSold: number;
  readonly revenueCents: number;
}

/**
 * `pause` stands for the minute that such a query takes over a real shop's sales: materialized, it sleeps once and not once for each row. The casts
 * keep the sums from being bigints, which would arrive as text.
 */
const TOP_SELLERS = `
  WITH pause AS MATERIALIZED (SELECT pg_sleep($1))
  SELECT product.id AS "productId", product.name,
    sum(sale.quantity)::integer AS "unitsSold",
    sum(sale.quantity * sale.unit_price_cents)::integer AS "revenueCents"
  FROM pause, sale JOIN product ON product.id = sale.product_id
  GROUP BY product.id
  ORDER BY "unitsSold" DESC, product.id
  LIMIT 10`;

@Injectable()
export class ReportsService {
  constructor(
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(SAMPLE_APP_CONFIG) private readonly config: SampleAppConfig,
  ) {}

  topSellers(): Promise<TopSeller[]> {
    return this.dataSource.query<TopSeller[]>(TOP_SELLERS, [this.config.reportDelayMs / 1_000]);
  }
}
