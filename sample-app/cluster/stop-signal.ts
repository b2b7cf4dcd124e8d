/** What a shell calls a program that Ctrl-C has ended. */
export const GIVEN_UP = 130;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Fires at the first signal that asks this process to end, which is then to be done in order. The second ends it at once. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of SIGNALS) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(GIVEN_UP);
      controller.abort(new Stopped(name));
    });
  }
  return controller.signal;
}

/** Resolves when the signal has fired. */
export async function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

/** Why work was given up: somebody wanted the process to end, which is no failure. */
export class Stopped extends Error {
  override readonly name = 'Stopped';

  constructor(signal: string) {
    super(`stopped by ${signal}`);
  }
}
