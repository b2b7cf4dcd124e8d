import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { INSTRUMENTS, PREFIX } from '../../../lib/observability/opentelemetry/instruments.js';
import { dashboardQueries, metricsIn } from '../../support/promql.js';

const page = readFileSync(new URL('../../../docs/observability.md', import.meta.url), 'utf8');

describe('docs/grafana/distributed-cache.json', () => {
  it('has queries that are PromQL, in every panel', () => {
    const queries = dashboardQueries();
    expect(queries.length).toBeGreaterThan(20);
    for (const { panel, query } of queries)
      expect({ panel, metrics: metricsIn(query).length > 0 }).toEqual({ panel, metrics: true });
  });

  it('shows every metric', () => {
    const shown = new Set(
      dashboardQueries()
        .flatMap(({ query }) => metricsIn(query))
        .map(withoutEnding),
    );
    const all = Object.keys(INSTRUMENTS).map((name) => (PREFIX + name).replaceAll('.', '_'));
    expect([...shown].sort()).toEqual(all.sort());
  });

  it('is what the page tells of', () => {
    expect(page).toContain('(grafana/distributed-cache.json)');
  });

  it('is read by a parser that refuses what is no PromQL', () => {
    expect(metricsIn('sum by (le) (rate(a_total{b=~"$namespace"}[$__rate_interval])) / c')).toEqual(['a_total', 'c']);
    expect(() => metricsIn('sum(rate(a[5m])')).toThrow('No PromQL');
  });
});

function withoutEnding(name: string): string {
  return name.replace(/_(total|bucket|count|sum)$/, '');
}
