import { setMaxListeners } from 'node:events';

/**
 * An ending that becomes an `AbortSignal` only for those who ask for one. To make an `AbortSignal`, and to listen to it, costs more processor time than most other steps of a load, and nearly
 * every load ends without anybody having asked.
 */
export class LateSignal {
  private why: Error | undefined;
  private controller: AbortController | undefined;
  private readonly listeners = new Set<(reason: Error) => void>();

  get aborted(): boolean {
    return this.why !== undefined;
  }

  get reason(): Error | undefined {
    return this.why;
  }

  /** Always the same one. Any number may listen to it. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      setMaxListeners(0, this.controller.signal);
      if (this.why !== undefined) this.controller.abort(this.why);
    }
    return this.controller.signal;
  }

  /** Only the first reason counts. */
  abort(reason: Error): void {
    if (this.why !== undefined) return;
    this.why = reason;
    this.controller?.abort(reason);
    for (const listener of [...this.listeners]) listener(reason);
    this.listeners.clear();
  }

  throwIfAborted(): void {
    if (this.why !== undefined) throw this.why;
  }

  /** Calls `listener` at the end, at once if that is past. Returns what takes the listener away. */
  onAbort(listener: (reason: Error) => void): () => void {
    if (this.why !== undefined) {
      listener(this.why);
      return () => undefined;
    }
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }
}

/** Calls `listener` when the signal fires, at once if it has. Returns what takes the listener away. */
export function onAbort(signal: AbortSignal, listener: (reason: unknown) => void): () => void {
  const heard = (): void => {
    listener(signal.reason);
  };
  if (signal.aborted) heard();
  else signal.addEventListener('abort', heard, { once: true });
  return () => {
    signal.removeEventListener('abort', heard);
  };
}
