// Node in other versions than the one that runs here, from npm's own packages of its binaries.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const obtained = new Map();

/**
 * A Node of that major version as `{ version, file, env }`: `env` puts it first on the path, so that npm and its build scripts run on it, and names its
 * headers for node-gyp. Undefined where npm has none for this platform.
 */
export function obtainNode(major, directory) {
  if (!obtained.has(major)) obtained.set(major, isOwn(major) ? ownNode() : installNode(major, directory));
  return obtained.get(major);
}

function isOwn(major) {
  return process.versions.node.split('.')[0] === major;
}

function ownNode() {
  return { version: process.versions.node, file: process.execPath, env: process.env };
}

function installNode(major, directory) {
  const name = `node-${process.platform}-${process.arch}`;
  const home = join(directory, `node-${major}`);
  mkdirSync(home);
  writeFileSync(join(home, 'package.json'), '{ "private": true }');
  const flags = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  spawnSync('npm', ['install', ...flags, `${name}@${major}`], { cwd: home, stdio: ['ignore', 'ignore', 'inherit'] });
  const root = join(home, 'node_modules', name);
  const file = join(root, 'bin', 'node');
  if (!existsSync(file)) return undefined;
  const version = spawnSync(file, ['-p', 'process.versions.node'], { encoding: 'utf8' }).stdout.trim();
  const path = `${join(root, 'bin')}${delimiter}${process.env.PATH}`;
  return { version, file, env: { ...process.env, PATH: path, NODE: file, npm_config_nodedir: root } };
}
