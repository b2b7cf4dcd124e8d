import { readFileSync } from 'node:fs';
import { parser } from '@prometheus-io/lezer-promql';

/** What Grafana fills in before it asks Prometheus. */
const VARIABLES: readonly (readonly [RegExp, string])[] = [
  [/\$__rate_interval/g, '5m'],
  [/\$\{(seconds|bytes)\}/g, ''],
  [/\$namespace/g, '.*'],
];

/** The metrics that a query names. @throws when it is no PromQL */
export function metricsIn(query: string): string[] {
  const text = VARIABLES.reduce((filled, [variable, value]) => filled.replace(variable, value), query);
  const names: string[] = [];
  parser.parse(text).iterate({
    enter: ({ type, from, to, node }) => {
      if (type.isError) throw new Error(`No PromQL at ${from}: ${text}`);
      if (type.name === 'Identifier' && node.parent?.type.name === 'VectorSelector') names.push(text.slice(from, to));
    },
  });
  return names;
}

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string }[];
}

/** Every query of the dashboard in docs. */
export function dashboardQueries(): { readonly panel: string; readonly query: string }[] {
  const file = new URL('../../docs/grafana/distributed-cache.json', import.meta.url);
  const { panels } = JSON.parse(readFileSync(file, 'utf8')) as { readonly panels: readonly Panel[] };
  return panels
    .filter(({ type }) => type !== 'row')
    .flatMap(({ title, targets = [] }) => {
      if (targets.length === 0) throw new Error(`The panel "${title}" asks nothing`);
      return targets.map(({ expr }) => ({ panel: title, query: expr }));
    });
}
