import dockerignore from '@balena/dockerignore';
import { DockerfileParser, type Copy, type JSONInstruction } from 'dockerfile-ast';
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../../sample-app/config.js';
import { PINNED, read, readByTheSample, root } from './support.js';

describe('sample-app/Dockerfile', () => {
  const dockerfile = DockerfileParser.parse(read('sample-app/Dockerfile'));
  const instructions = dockerfile.getInstructions();
  const named = (keyword: string) => instructions.filter((one) => one.getKeyword() === keyword);
  const words = (one: (typeof instructions)[number]) => one.getArguments().map((argument) => argument.getValue());
  const json = (one: JSONInstruction) => one.getJSONStrings().map((text) => text.getJSONValue());
  const copiesFrom = (stage: string | undefined): Copy[] =>
    dockerfile.getCOPYs().filter((copy) => (copy.getFromFlag()?.getValue() ?? undefined) === stage);

  it('builds with a compiler and runs without one, on the same pinned Debian with glibc', () => {
    const [build, run, ...others] = dockerfile.getFROMs();
    expect(others).toEqual([]);
    expect([build!.getBuildStage(), run!.getBuildStage()]).toEqual(['build', null]);
    expect(run!.getImage()).toBe(`${build!.getImage()!}-slim`);
    expect(build!.getImage()).toMatch(PINNED);
    expect(build!.getImage()).toMatch(/-bookworm$/);
    expect(words(named('RUN')[0]!).slice(0, 2)).toEqual(['npm', 'ci']);
  });

  it('copies only what is in the repository and is not kept from the engine', () => {
    const ignored = dockerignore.default().add(read('.dockerignore'));
    const sources = copiesFrom(undefined).flatMap((copy) => words(copy).slice(0, -1));
    expect(sources.length).toBeGreaterThan(0);
    for (const source of sources) {
      const path = source.replace(/^\.\//, '');
      expect(existsSync(`${root}/${path}`), path).toBe(true);
      expect(ignored.ignores(path), path).toBe(false);
    }
    const sent = readdirSync(root).filter((path) => !ignored.ignores(path));
    expect(sent.sort()).toEqual(sources.sort());
  });

  it('keeps the packages that the running sample imports, and names none that is not there', () => {
    const keep = named('RUN').map(words).find((line) => line.includes('scripts/keep-packages.mjs'))!; // prettier-ignore
    const kept = keep.slice(keep.indexOf('.') + 1).filter((word) => word !== '\\');
    const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
    expect(Object.keys(manifest['devDependencies']!)).toEqual(expect.arrayContaining(kept));
    const files = readdirSync(`${root}/sample-app`, { recursive: true, encoding: 'utf8' });
    const running = files.filter((file) => file.endsWith('.ts') && !/^(cluster|database.embedded)\b/.test(file));
    const imported = running.flatMap((file) =>
      [...read(`sample-app/${file}`).matchAll(/(?:from|import) '([^.][^']*)'/g)].map(([, name]) => name!),
    );
    const packages = new Set(imported.filter((name) => !/^(node:|nestjs-distributed-cache)/.test(name)));
    // Nest loads the platform, TypeORM the driver, the library the client and the API of OpenTelemetry, each by name.
    expect(kept.sort()).toEqual([...packages, '@nestjs/platform-express', '@opentelemetry/api', 'pg', 'redis', 'rxjs'].sort().filter((name, index, all) => name !== all[index - 1])); // prettier-ignore
  });

  it('runs as nobody in particular, listens where compose looks, and tells whether it is healthy', () => {
    expect(words(named('USER')[0]!)).toEqual(['node']);
    const env = Object.fromEntries(
      dockerfile
        .getENVs()
        .flatMap((one) => one.getProperties().map((property) => [property.getName(), property.getValue()!])),
    );
    expect(['NODE_ENV', ...readByTheSample()]).toEqual(expect.arrayContaining(Object.keys(env)));
    expect(readConfig(env)).toMatchObject({ host: '0.0.0.0', port: 3000, greeting: 'short' });
    expect(words(named('EXPOSE')[0]!)).toEqual(['3000']);
    expect(dockerfile.getHEALTHCHECKs()).toHaveLength(1);
  });

  it('copies what was built, and starts a file of it whose source is there', () => {
    const copied = copiesFrom('build').map((copy) => words(copy));
    expect(copied.every(([from]) => from!.startsWith('/app/'))).toBe(true);
    const [program, option, main] = json(dockerfile.getCMDs()[0]!);
    expect([program, option]).toEqual(['node', '--enable-source-maps']);
    expect(copied.some(([from, to]) => from === '/app/dist/sample-app' && to === './dist/sample-app')).toBe(true);
    expect(main).toMatch(/^dist\/sample-app\/.*\.js$/);
    expect(existsSync(`${root}/${main!.replace('dist/', '').replace(/\.js$/, '.ts')}`)).toBe(true);
  });
});
