import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** In the order in which they run. */
  readonly parts: readonly string[];
  /** Few and short slices: shows that everything runs, not how fast it is. */
  readonly quick: boolean;
  /** How many processes the stampede grows to. */
  readonly processes: number;
  readonly json: string | undefined;
  readonly markdown: boolean;
  readonly help: boolean;
}

export class CommandLineError extends Error {}

const MAX_PROCESSES = 64;

/** @throws CommandLineError for what makes no sense: what was expected, what was given */
export function parseCommandLine(words: readonly string[], known: readonly string[]): BenchOptions {
  const { values, positionals } = parsed(words);
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new CommandLineError(
      `There is no part "${unknown}". Expected some of: ${known.join(', ')}; none of them runs all.`,
    );
  }
  const processes = Number(values.processes ?? '16');
  if (!Number.isInteger(processes) || processes < 1 || processes > MAX_PROCESSES) {
    throw new CommandLineError(
      `--processes: expected a whole number from 1 to ${MAX_PROCESSES}, got "${values.processes ?? ''}".`,
    );
  }
  return {
    parts: positionals.length === 0 ? known : known.filter((name) => positionals.includes(name)),
    quick: values.quick ?? false,
    processes,
    json: values.json,
    markdown: values.markdown ?? false,
    help: values.help ?? false,
  };
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        quick: { type: 'boolean' },
        processes: { type: 'string' },
        json: { type: 'string' },
        markdown: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new CommandLineError(`${(error as Error).message} See --help.`);
  }
}
