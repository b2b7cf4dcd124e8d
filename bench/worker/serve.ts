type Command = (argument: never) => unknown;

/** The settings that the parent gave to this process. */
export function settings(): unknown {
  return JSON.parse(process.argv[2] ?? '{}');
}

/** Answers the parent's commands until it disconnects. A process whose parent is gone ends. */
export function serve(commands: Readonly<Record<string, Command>>): void {
  process.on('message', ({ id, command, argument }: { id: number; command: string; argument: never }) => {
    const known: Readonly<Record<string, Command>> = { ready: () => undefined, ...commands };
    Promise.resolve(argument)
      .then((given) => known[command]?.(given))
      .then(
        (result) => process.send?.({ id, result }),
        (error: unknown) => process.send?.({ id, error: String(error instanceof Error ? error.stack : error) }),
      );
  });
}

/** Tells the parent that something has happened. */
export function tell(event: string): void {
  process.send?.({ event });
}
