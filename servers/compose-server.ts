import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

import { repositoryRoot } from './repository-root.js';
import type { ServerKind } from './server-binaries.js';
import { guard } from './server-guard.js';

const composeFile = join(repositoryRoot, 'docker-compose.yml');

function succeeds(...words: string[]): boolean {
  return spawnSync('docker', words, { stdio: 'ignore', timeout: 20_000 }).status === 0;
}

/** An engine that answers and the compose plugin: one without the other cannot start anything. */
export function composeAnswers(): boolean {
  return succeeds('info') && succeeds('compose', 'version');
}

/** One service of docker-compose.yml, in a compose project of its own, for machines without installed servers. */
export class ComposeServer {
  private readonly project = `distributed-cache-test-${randomBytes(4).toString('hex')}`;

  constructor(
    private readonly service: ServerKind,
    private readonly env: Readonly<Record<string, string>>,
    private readonly probe: () => Promise<boolean>,
  ) {}

  get pid(): number {
    throw new Error(`The ${this.service} of this test runs in a container and has no process id here.`);
  }

  async start(): Promise<void> {
    guard.addComposeProject(this.project);
    this.compose('up', '--detach', '--wait', this.service);
    for (let attempt = 0; !(await this.probe()); attempt++) {
      if (attempt === 60) throw new Error(`The container of ${this.service} runs, but its port does not answer.`);
    }
  }

  stop(): Promise<void> {
    this.compose('down', '--volumes', '--timeout', '5');
    return Promise.resolve();
  }

  kill(): Promise<void> {
    this.compose('kill', this.service);
    return Promise.resolve();
  }

  pause(): void {
    this.compose('pause', this.service);
  }

  resume(): void {
    this.compose('unpause', this.service);
  }

  private compose(...words: string[]): void {
    const result = spawnSync('docker', ['compose', '--file', composeFile, '--project-name', this.project, ...words], {
      env: { ...process.env, ...this.env },
      encoding: 'utf8',
      timeout: 300_000,
    });
    if (result.status !== 0) {
      throw new Error(`docker compose ${words.join(' ')} failed:\n${result.stderr}`);
    }
  }
}
