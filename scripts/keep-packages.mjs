// `node scripts/keep-packages.mjs DIRECTORY PACKAGE…`: makes the named development dependencies of the package in DIRECTORY its dependencies, and
// removes all others, from package.json and from node_modules. For an image in which only what runs is wanted; a repository it would ruin.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [directory, ...names] = process.argv.slice(2);
function refuse(why) {
  console.error(`${why} Usage: node scripts/keep-packages.mjs DIRECTORY PACKAGE…`);
  process.exit(2);
}
if (directory === undefined || names.length === 0) refuse('Say where, and which packages to keep.');
if (existsSync(join(directory, '.git'))) refuse('This is a repository, not a copy of one.');

const file = join(directory, 'package.json');
const { devDependencies, ...manifest } = JSON.parse(readFileSync(file, 'utf8'));
const unknown = names.filter((name) => !Object.hasOwn(devDependencies, name));
if (unknown.length > 0) refuse(`Not among the development dependencies: ${unknown.join(', ')}.`);
const kept = Object.fromEntries(names.map((name) => [name, devDependencies[name]]));
const dependencies = { ...manifest.dependencies, ...kept };
writeFileSync(file, `${JSON.stringify({ ...manifest, dependencies }, null, 2)}\n`);
const { status } = spawnSync('npm', ['prune', '--omit=dev', '--no-audit', '--no-fund'], {
  cwd: directory,
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
