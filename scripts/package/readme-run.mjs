// The run `readme`: the program in the README's quick start, as it stands there.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { AppProcess } from './app-process.mjs';
import { compile } from './app-runs.mjs';

const readme = new URL('../../README.md', import.meta.url);

/** The files of the quick start, by name: each block of TypeScript there begins with the name of its file. */
function filesOfQuickStart() {
  const section = /^## Quick start$([\s\S]*?)^## /m.exec(readFileSync(readme, 'utf8'))?.[1] ?? '';
  const blocks = [...section.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, text]) => text);
  if (blocks.length === 0) throw new Error('The README has no quick start in TypeScript.');
  return new Map(
    blocks.map((text) => {
      const name = /^\/\/ (\S+\.ts)\n/.exec(text)?.[1];
      if (name === undefined)
        throw new Error(`A block of the quick start does not begin with "// <file>.ts":\n${text}`);
      return [name, text];
    }),
  );
}

async function ask(url, init) {
  const response = await fetch(url, init);
  return `${response.status} ${response.headers.get('x-cache')} ${await response.text()}`;
}

/** Waits for an application that does not print where it listens. */
async function answers(url, app) {
  for (let tries = 0; tries < 600 && app.child.exitCode === null; tries += 1) {
    const reached = await fetch(url).then(
      () => true,
      () => false,
    );
    if (reached) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('The application of the quick start did not start.');
}

const RENAME = {
  method: 'PATCH',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: 'name=Kettle',
};

const EXPECTED = [
  '200 MISS {"id":"1","name":"Teapot"}',
  '200 HIT {"id":"1","name":"Teapot"}',
  '200 null ',
  '200 MISS {"id":"1","name":"Kettle"}',
];

export async function runReadme([form = 'esm'], context) {
  const directory = join(context.consumer, `readme-${form}`);
  mkdirSync(directory);
  for (const [name, text] of filesOfQuickStart())
    writeFileSync(join(directory, name), withServers(text, context.servers));
  await compile(form, directory, context);
  const { freePort } = await import('../../dist/servers/index.js');
  const port = await freePort();
  const app = new AppProcess(context.node, join(directory, 'main.js'), { cwd: directory, env: { PORT: String(port) } });
  try {
    const url = `http://127.0.0.1:${port}/products`;
    await answers(`${url}/nothing`, app);
    const seen = [];
    for (const init of [undefined, undefined, RENAME, undefined]) seen.push(await ask(`${url}/1`, init));
    if (seen.join('\n') !== EXPECTED.join('\n')) throw new Error(`Expected ${EXPECTED}, but saw ${seen}`);
  } catch (error) {
    throw new Error(`${error.message}\n${app.output}`, { cause: error });
  } finally {
    await app.end();
  }
}

/** The servers of this run, which are not at the usual ports. */
function withServers(text, { REDIS_URL, ZOOKEEPER_CONNECT }) {
  return text.replace('redis://127.0.0.1:6379', REDIS_URL).replace('127.0.0.1:2181', ZOOKEEPER_CONNECT);
}
