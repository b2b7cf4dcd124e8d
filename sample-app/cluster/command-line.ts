import { InvalidConfigError } from '../config.js';
import { Stopped } from './stop-signal.js';

/** The command line asks for something that cannot be meant. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** An option as a whole number between bounds. Throws {@link UsageError}. */
export function wholeNumber(option: string, text: string, min: number, max: number): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`${option} must be a whole number from ${min} to ${max}, but is '${text}'.`);
}

/** What `node:util` says of options it does not know is a {@link UsageError} too. */
export function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS')) throw new UsageError((error as Error).message);
    throw error;
  }
}

/** Runs a command to its end. The exit code is what it gives, 2 for wrong usage, 1 for any other failure, 0 when it was stopped. */
export async function run(what: string, usage: string, command: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await command();
  } catch (error) {
    const wrong = error instanceof UsageError || error instanceof InvalidConfigError;
    // By a signal, or because one was asked for and the work was given up: see stop-signal.ts.
    process.exitCode = error instanceof Stopped || isAbort(error) ? 0 : wrong ? 2 : 1;
    if (process.exitCode === 0) return;
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${what} failed: ${message}\n${error instanceof UsageError ? `${usage}\n` : ''}`);
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError' && error.cause instanceof Stopped;
}
