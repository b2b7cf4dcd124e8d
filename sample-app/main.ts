import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { readConfig } from './config.js';
import { greeting, listens } from './greeting.js';
import { SampleAppModule } from './sample-app.module.js';

/** Runs until a signal ends it: Nest then closes the server, the cache and the database, in this order, and passes the signal on. */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const app = await NestFactory.create(SampleAppModule.forConfig(config), {
    abortOnError: false,
    // A client that keeps its connection open must not keep the process from ending.
    forceCloseConnections: true,
  });
  app.enableShutdownHooks();
  try {
    await app.listen(config.port, config.host);
  } catch (error) {
    await app.close();
    throw error;
  }
  const url = await app.getUrl();
  process.stdout.write(config.greeting === 'full' ? greeting(url) : `${listens(url)}\n`);
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, port } = error as Error & { code?: unknown; port?: unknown };
  if (code === 'EADDRINUSE') return `Port ${String(port)} is taken. Choose another: PORT=3001 npm start`;
  return error.message;
}

main().catch((error: unknown) => {
  process.stderr.write(`The sample application could not start: ${explain(error)}\n`);
  // Not by exitCode: a database that was opened before the failure would keep the process.
  process.exit(1);
});
