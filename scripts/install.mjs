// Installs the npm packages where they are missing or are not those of package-lock.json, and says so; else says nothing.
// Runs with nothing but Node: `npm start` and `npm test` begin with it on a fresh machine.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

function packagesOf(lockFile) {
  try {
    return JSON.parse(readFileSync(lockFile, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/** What npm notes about an installed tree is compared with the lock file; packages of other platforms may be absent. */
function reasonToInstall() {
  const wanted = packagesOf(new URL('../package-lock.json', import.meta.url));
  const present = packagesOf(new URL('../node_modules/.package-lock.json', import.meta.url));
  if (wanted === undefined) throw new Error('package-lock.json is missing or not readable.');
  if (present === undefined) return 'node_modules is missing';
  const changed = Object.entries(wanted).some(([path, entry]) => {
    if (path === '' || entry.link === true) return false;
    const there = present[path];
    if (there === undefined) return entry.optional !== true && entry.devOptional !== true;
    return there.version !== entry.version || there.integrity !== entry.integrity;
  });
  return changed ? 'package-lock.json has changed' : undefined;
}

export function installPackages() {
  const reason = reasonToInstall();
  if (reason === undefined) return;
  console.log(`Installing the npm packages with "npm ci", because ${reason}.`);
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: new URL('..', import.meta.url),
    // Standard output stays that of the command the user gave.
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    console.error('"npm ci" failed; see above.');
    process.exit(1);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) installPackages();
