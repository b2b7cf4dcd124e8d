// The rooms of the house and who may import whom. The first room whose pattern fits a file is its room.
// `may`: rooms, statically or by import(); `mayLoad`: rooms by import() only, so that what is not used is never loaded.
// `packages`: what may be imported by a bare name; a trailing * stands for anything. `free`: no arrows lead out of it.
const CORE = 'core';
const NEST = ['@nestjs/common', '@nestjs/core', 'rxjs', 'reflect-metadata'];

export const ROOMS = [
  { name: 'core', files: /^lib\/core\//, may: [], packages: ['node:crypto', 'node:async_hooks', 'node:events'] },
  { name: 'redis-client', files: /^lib\/redis-client\//, may: [CORE], packages: ['node:*', 'redis', 'ioredis'] },
  { name: 'locks/watched', files: /^lib\/locks\/watched-lock\.ts$/, may: [CORE], packages: ['node:*'] },
  {
    name: 'locks/redis',
    files: /^lib\/locks\/redis\//,
    may: [CORE, 'redis-client', 'locks/watched'],
    packages: ['node:*'],
  },
  { name: 'locks/zookeeper', files: /^lib\/locks\/zookeeper\//, may: [CORE], packages: ['node:*', 'zookeeper'] },
  { name: 'locks', files: /^lib\/locks\/[^/]+$/, may: [CORE, 'locks/watched'], packages: ['node:*'] },
  { name: 'stores/redis', files: /^lib\/stores\/redis\//, may: [CORE, 'redis-client'], packages: ['node:*'] },
  {
    name: 'stores/cache-manager',
    files: /^lib\/stores\/(cache-manager|keyv)-[^/]+$/,
    may: [CORE, 'stores', 'stores/redis', 'redis-client'],
    packages: ['node:*', '@nestjs/cache-manager', 'cache-manager'],
  },
  { name: 'stores', files: /^lib\/stores\/[^/]+$/, may: [CORE], packages: ['node:*', 'lru-cache'] },
  { name: 'breakers', files: /^lib\/breakers\//, may: [CORE], packages: ['cockatiel'] },
  { name: 'codec', files: /^lib\/codec\//, may: [CORE], packages: ['node:*', 'typeorm'] },
  // The options name the small types in which TypeORM's entities are described.
  {
    name: 'options',
    files: /^lib\/(options\/|distributed-cache\.options\.ts$)/,
    may: [CORE, 'codec'],
    packages: ['node:*'],
  },
  // The port behind which the module keeps what it has opened, for the service and the interceptor.
  {
    name: 'host',
    files: /^lib\/wiring\/cache-host\.ts$/,
    may: [CORE, 'options', 'codec', 'observability'],
    packages: ['node:*', ...NEST],
  },
  {
    name: 'service',
    files: /^lib\/distributed-cache\.(service|tokens)\.ts$/,
    may: [CORE, 'options', 'host', 'observability'],
    packages: ['node:*', ...NEST],
  },
  {
    name: 'cacheable',
    files: /^lib\/cacheable\//,
    may: [CORE, 'options', 'host', 'service'],
    packages: ['node:*', ...NEST, 'typeorm'],
  },
  {
    name: 'observability',
    files: /^lib\/observability\//,
    may: [CORE, 'options', 'service'],
    packages: ['node:*', ...NEST, '@nestjs/terminus', '@opentelemetry/api'],
  },
  {
    name: 'invalidation',
    files: /^lib\/invalidation\//,
    may: [CORE, 'codec', 'options', 'service'],
    packages: ['node:*', ...NEST, '@nestjs/typeorm', 'typeorm'],
  },
  { name: 'testing', files: /^lib\/testing\//, may: [CORE], packages: ['node:*'] },
  {
    name: 'module',
    files: /^lib\/(wiring\/|distributed-cache\.module[^/]*\.ts$)/,
    may: [CORE, 'options', 'host', 'service', 'cacheable', 'observability', 'codec', 'breakers', 'locks', 'stores'],
    mayLoad: ['locks/zookeeper', 'stores/cache-manager', 'stores/redis', 'invalidation'],
    packages: ['node:*', ...NEST, 'typeorm'],
  },
  {
    name: 'entry',
    files: /^lib\/(index|redis|zookeeper|typeorm|opentelemetry|terminus|testing)\.ts$/,
    may: [
      ...[CORE, 'options', 'service', 'module', 'cacheable', 'observability', 'invalidation', 'codec', 'testing'],
      ...[
        'locks',
        'locks/watched',
        'locks/redis',
        'locks/zookeeper',
        'stores',
        'stores/redis',
        'stores/cache-manager',
        'redis-client',
      ],
    ],
    packages: [],
  },
  // Starts real servers for the rooms below; knows nothing of the package.
  { name: 'servers', files: /^servers\//, may: [], packages: ['node:*'] },
  { name: 'cluster', files: /^sample-app\/cluster\//, may: ['servers', 'sample-app'], packages: ['*'] },
  { name: 'bench', files: /^bench\//, may: ['servers', 'sample-app'], packages: ['*'] },
  // These stand for a user's program: they see the package by its public name only.
  { name: 'sample-app', files: /^sample-app\//, may: [], packages: ['*'] },
  { name: 'e2e', files: /^test\/e2e\//, may: ['sample-app', 'servers', 'test-support'], packages: ['*'] },
  { name: 'package-app', files: /^test\/package\/app\//, may: [], packages: ['*'] },
  { name: 'test-support', files: /^test\/support\//, free: true },
];

/** The room of a file, by its path from the root of the repository. */
export function roomOf(path) {
  return ROOMS.find((room) => room.files.test(path));
}
