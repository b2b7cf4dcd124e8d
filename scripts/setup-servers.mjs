// Installs the servers that the tests start for themselves: `node scripts/setup-servers.mjs [redis] [zookeeper] [postgres] [mariadb]`.
// Works for root on Debian and its relatives; elsewhere it says what to install, and with --if-possible it says nothing.
// Nothing is started: the tests start their own servers on free ports and remove them.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

const PACKAGES = {
  redis: ['redis-server'],
  zookeeper: ['libzookeeper-java', 'default-jre-headless'],
  postgres: ['postgresql'],
  mariadb: ['mariadb-server'],
};
// Debian asks this file before a package starts its service; 101 means no.
const POLICY = '/usr/sbin/policy-rc.d';

const args = process.argv.slice(2);
const ifPossible = args.includes('--if-possible');
const named = args.filter((arg) => !arg.startsWith('--'));
const unknown = named.filter((name) => !Object.hasOwn(PACKAGES, name));
if (unknown.length > 0) {
  console.error(`Unknown server: ${unknown.join(', ')}. Expected some of: ${Object.keys(PACKAGES).join(', ')}.`);
  process.exit(2);
}
const kinds = named.length > 0 ? named : Object.keys(PACKAGES);
const packages = kinds.flatMap((kind) => PACKAGES[kind]);

function installed(name) {
  const { status, stdout } = spawnSync('dpkg-query', ['-W', '-f', '${Status}', name], { encoding: 'utf8' });
  return status === 0 && stdout.endsWith(' installed');
}

function apt(...words) {
  const { status, stderr } = spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=300', '-q', ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  return { ok: status === 0, stderr };
}

if (!existsSync('/usr/bin/apt-get') || !existsSync('/usr/bin/dpkg-query')) {
  if (!ifPossible) {
    console.error(
      'This script installs with apt-get, which is not here. Install Redis, ZooKeeper (with Java), PostgreSQL and MariaDB',
    );
    console.error('with your system’s own packages, or have `docker compose` at hand: the tests use what they find.');
  }
  process.exit(ifPossible ? 0 : 1);
}
const missing = packages.filter((name) => !installed(name));
if (missing.length === 0) {
  if (!ifPossible) console.log(`Nothing to install: ${packages.join(', ')} are there.`);
  process.exit(0);
}
if (process.getuid?.() !== 0) {
  if (!ifPossible) console.error(`Missing: ${missing.join(', ')}. Run this as root: sudo npm run setup:servers`);
  process.exit(ifPossible ? 0 : 1);
}

console.log(`Installing ${missing.join(', ')} with apt-get for the tests; no service is started.`);
const ownPolicy = !existsSync(POLICY);
if (ownPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
try {
  const install = ['install', '-y', '--no-install-recommends', ...missing];
  let result = apt(...install);
  if (!result.ok) {
    const update = apt('update');
    result = apt(...install);
    if (!result.ok) console.error(update.ok ? '' : update.stderr);
  }
  if (!result.ok) {
    console.error(result.stderr);
    console.error(`apt-get could not install ${missing.join(', ')}.`);
    process.exitCode = 1;
  }
} finally {
  if (ownPolicy) rmSync(POLICY, { force: true });
}
