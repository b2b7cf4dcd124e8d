/** Why: an emitter without an `error` listener turns a lost connection into the end of the process. */
export interface ErrorEmitter {
  on(event: 'error', listener: () => void): unknown;
  removeListener(event: 'error', listener: () => void): unknown;
}

interface Guard {
  readonly listener: () => void;
  users: number;
}

const guards = new WeakMap<ErrorEmitter, Guard>();

/**
 * Keeps the process alive when this client loses its connection. What is lost shows in the commands that fail. One listener per
 * client, however many use it; the function that is returned takes it away with the last of them and may be called twice.
 */
export function guardErrors(emitter: ErrorEmitter): () => void {
  const guard = guards.get(emitter) ?? { listener: () => undefined, users: 0 };
  if (guard.users === 0) emitter.on('error', guard.listener);
  guard.users += 1;
  guards.set(emitter, guard);
  let guarding = true;
  return () => {
    if (!guarding) return;
    guarding = false;
    guard.users -= 1;
    if (guard.users === 0) emitter.removeListener('error', guard.listener);
  };
}
