import { InvalidConfigError } from '../config.js';
import { GIVEN_UP, Stopped } from './stop-signal.js';

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

/**
 * Runs a command to its end. The exit code is what it gives; 130 when it was given up because a signal asked for that, 2 for wrong usage, 1 for any
 * other failure.
 */
export async function run(what: string, usage: string, command: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await command();
  } catch (error) {
    process.exitCode = exitCode(error);
    if (process.exitCode === GIVEN_UP) return;
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${what} failed: ${message}\n${error instanceof UsageError ? `${usage}\n` : ''}`);
  }
}

function exitCode(error: unknown): number {
  if (error instanceof Stopped || (error instanceof Error && error.cause instanceof Stopped)) return GIVEN_UP;
  return error instanceof UsageError || error instanceof InvalidConfigError ? 2 : 1;
}
