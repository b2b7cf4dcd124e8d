// Compiles the library, the starters of servers, the sample application and the benchmark into dist/. Runs with nothing but Node and the installed packages.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The compiler never removes what it made from a source that is gone; a package must not carry it along. */
function removeOrphans(directory) {
  const from = join(root, 'dist', directory);
  if (!existsSync(from)) return;
  for (const file of readdirSync(from, { recursive: true })) {
    const source = file.match(/^(.*?)(?:\.d\.ts|\.js|\.js\.map)$/)?.[1];
    if (source !== undefined && !existsSync(join(root, directory, `${source}.ts`))) rmSync(join(from, file));
  }
}

export function build() {
  // Beside an installed package there is no library to build (scripts/package/), and in the sample's image no benchmark.
  const projects = ['lib', 'servers', 'sample-app', 'bench'].filter((name) =>
    existsSync(join(root, name, 'tsconfig.json')),
  );
  projects.forEach(removeOrphans);
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-b', ...projects], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) {
    console.error('The build failed; see above.');
    process.exit(1);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) build();
