import type { TcpProxy } from '../../support/tcp-proxy.js';
import type { Fault, Part } from './fault.js';

type Name = 'redis' | 'zooKeeper' | 'postgres';

const PARTS = { redis: 'store', zooKeeper: 'lock', postgres: 'database' } as const satisfies Record<Name, Part>;

/** Killed as by `kill -9`; started again on the same port. */
export function killed(name: Name): Fault {
  return {
    part: PARTS[name],
    inflict: ({ servers }) => servers[name].kill(),
    heal: ({ servers }) => servers[name].restart(),
  };
}

/** Stopped (SIGSTOP): connections stay open, and nothing answers. */
export function frozen(name: Name): Fault {
  return {
    part: PARTS[name],
    inflict: async ({ servers }) => {
      servers[name].pause();
    },
    heal: async ({ servers }) => {
      servers[name].resume();
    },
  };
}

/** What is done to its connections, until they are healed. */
export function onTheWay(name: Name, harm: (proxy: TcpProxy) => void): Fault {
  return {
    part: PARTS[name],
    inflict: async ({ proxies }) => {
      harm(proxies[name]);
    },
    heal: async ({ proxies }) => {
      proxies[name].heal();
    },
  };
}
