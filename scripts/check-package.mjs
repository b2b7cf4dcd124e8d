// `npm run check:package`: the package as its users get it. Lints package.json, compares the imports of what was built with
// the declared dependencies, and installs the packed tarball into an empty consumer that imports, requires and compiles
// against every entry. Needs the installed packages; the consumer's come from npm's cache, or else from the registry.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import ts from 'typescript';

import { build } from './build.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entries = Object.keys(manifest.exports).filter((entry) => entry !== './package.json');
const specifiers = entries.map((entry) => manifest.name + entry.slice(1));
const complaints = [];

function run(what, file, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status === 0) return stdout;
  complaints.push(`${what} failed:\n${error?.message ?? ''}${stdout}${stderr}`);
  return undefined;
}

async function lintManifest() {
  const { messages } = await publint({ pkgDir: root, strict: true });
  complaints.push(...messages.map((message) => `publint: ${formatMessage(message, manifest, { color: false })}`));
}

/** The packages that a file imports, statically, by import() or in a type. */
function packagesIn(file) {
  const found = new Set();
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
  const visit = (node) => {
    const specifier =
      ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
        ? node.moduleSpecifier
        : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
          ? node.arguments[0]
          : ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)
            ? node.argument.literal
            : undefined;
    if (specifier !== undefined && ts.isStringLiteralLike(specifier) && !specifier.text.startsWith('.')) {
      found.add(specifier.text.split('/', specifier.text.startsWith('@') ? 2 : 1).join('/'));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function compareImports() {
  const optional = Object.keys(manifest.peerDependenciesMeta ?? {});
  const always = [
    ...Object.keys(manifest.dependencies ?? {}),
    ...Object.keys(manifest.peerDependencies ?? {}).filter((name) => !optional.includes(name)),
  ];
  const declared = new Set([...always, ...optional, ...Object.keys(manifest.optionalDependencies ?? {})]);
  const builtin = (name) => name.startsWith('node:') || builtinModules.includes(name);
  const dist = join(root, 'dist', 'lib');
  for (const file of readdirSync(dist, { recursive: true })) {
    const types = file.endsWith('.d.ts');
    if (!types && !file.endsWith('.js')) continue;
    for (const name of packagesIn(join(dist, file))) {
      if (builtin(name)) continue;
      if (!declared.has(name))
        complaints.push(`dist/lib/${file} imports "${name}", which package.json does not declare.`);
      else if (types && !always.includes(name)) {
        complaints.push(`dist/lib/${file} shows the types of "${name}", which a user may not have installed.`);
      }
    }
  }
}

const BESIDE_CODE = ['LICENSE', 'README.md', 'CHANGELOG.md', 'package.json'];

/** The built library and what tells about it, and nothing else; every map carries the sources that it maps to. */
function checkFiles(paths) {
  for (const wanted of BESIDE_CODE) if (!paths.includes(wanted)) complaints.push(`The tarball has no ${wanted}.`);
  for (const path of paths.filter((each) => !BESIDE_CODE.includes(each))) {
    if (!/^dist\/lib\/.*(\.js|\.js\.map|\.d\.ts)$/.test(path)) complaints.push(`The tarball should not have ${path}.`);
    if (!path.endsWith('.map')) continue;
    const { sources, sourcesContent = [] } = JSON.parse(readFileSync(join(root, path), 'utf8'));
    if (sources.some((_, index) => typeof sourcesContent[index] !== 'string')) {
      complaints.push(`${path} points to a source that is not there.`);
    }
  }
}

/** The versions under development stand for the declared ranges, so that nothing but npm's cache is needed. */
function makeConsumer(directory) {
  const packed = run('npm pack', 'npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', directory], root);
  if (packed === undefined) return undefined;
  const [{ filename, files }] = Object.values(JSON.parse(packed));
  checkFiles(files.map(({ path }) => path));
  const consumer = join(directory, 'consumer');
  mkdirSync(consumer);
  const required = Object.keys(manifest.peerDependencies).filter(
    (name) => !manifest.peerDependenciesMeta[name]?.optional,
  );
  const dependencies = Object.fromEntries(required.map((name) => [name, manifest.devDependencies[name]]));
  dependencies[manifest.name] = `file:../${filename}`;
  writeFileSync(join(consumer, 'package.json'), JSON.stringify({ name: 'consumer', private: true, dependencies }));
  const flags = [
    '--prefer-offline',
    '--ignore-scripts',
    '--omit=optional',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  return run('npm install of the tarball', 'npm', ['install', ...flags], consumer) === undefined ? undefined : consumer;
}

function runInConsumer(consumer) {
  const names = JSON.stringify(specifiers);
  writeFileSync(
    join(consumer, 'esm.mjs'),
    `for (const name of ${names}) if (Object.keys(await import(name)).length === 0) throw new Error(name + ' exports nothing');\n`,
  );
  writeFileSync(
    join(consumer, 'cjs.cjs'),
    `for (const name of ${names}) if (Object.keys(require(name)).length === 0) throw new Error(name + ' exports nothing');\n`,
  );
  for (const file of ['esm.mjs', 'cjs.cjs']) run(`A consumer's ${file}`, process.execPath, [file], consumer);
}

function compileInConsumer(consumer) {
  const lines = specifiers.map((name, index) => `import * as entry${index} from '${name}';`);
  // A module that resolves to nothing typed would pass as \`any\`: a name that does not exist must be an error.
  const wrong = specifiers.map((_, index) => `// @ts-expect-error\nentry${index}.noSuchName;`);
  const names = specifiers.map((_, index) => `entry${index}`).join(', ');
  writeFileSync(join(consumer, 'consumer.ts'), [...lines, ...wrong, `export const all = [${names}];`, ''].join('\n'));
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const common = ['--strict', '--noEmit', '--skipLibCheck', '--target', 'es2023'];
  const ways = {
    nodenext: ['--module', 'nodenext', '--moduleResolution', 'nodenext'],
    bundler: ['--module', 'esnext', '--moduleResolution', 'bundler'],
    node10: ['--module', 'commonjs', '--moduleResolution', 'node10', '--ignoreDeprecations', '6.0'],
  };
  for (const [way, options] of Object.entries(ways)) {
    run(
      `Compiling a consumer with moduleResolution ${way}`,
      process.execPath,
      [compiler, ...common, ...options, 'consumer.ts'],
      consumer,
    );
  }
}

build();
const directory = mkdtempSync(join(tmpdir(), 'distributed-cache-package-'));
try {
  await lintManifest();
  compareImports();
  const consumer = makeConsumer(directory);
  if (consumer !== undefined) {
    runInConsumer(consumer);
    compileInConsumer(consumer);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
for (const complaint of complaints) console.error(complaint);
if (complaints.length > 0) {
  console.error(`The package has ${complaints.length} fault(s).`);
  process.exitCode = 1;
} else {
  console.log(`The package is in order: ${specifiers.join(', ')} resolve by import, require and in TypeScript.`);
}
