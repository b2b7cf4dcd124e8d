import { readFileSync } from 'node:fs';

export type Topology = 'Cluster' | 'Sentinel';
export type Family = 'node-redis' | 'ioredis';
export type Endpoints = readonly { readonly host: string; readonly port: number }[];

const page = readFileSync(new URL('../../docs/redis-in-production.md', import.meta.url), 'utf8');

/** The sample of docs/redis-in-production.md that makes such a client, for servers that are really there. */
export function documentedSource(topology: Topology, family: Family, endpoints: Endpoints): string {
  const heading = `### ${topology}, by ${family}\n`;
  const [, section] = page.split(heading);
  const [, sample] = /```ts\n([^]*?)```/.exec(section ?? '') ?? [];
  if (sample === undefined) throw new Error(`docs/redis-in-production.md has no sample below "${heading.trim()}".`);
  const at = (number: string): Endpoints[number] => {
    const endpoint = endpoints[Number(number) - 1];
    if (endpoint === undefined) throw new Error(`The sample names a server 10.0.0.${number}, and there are fewer.`);
    return endpoint;
  };
  return sample
    .replace(/10\.0\.0\.(\d+):\d+/g, (_text, number: string) => `${at(number).host}:${String(at(number).port)}`)
    .replace(/host: '10\.0\.0\.(\d+)', port: \d+/g, (_text, number: string) => {
      return `host: '${at(number).host}', port: ${String(at(number).port)}`;
    });
}
