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

/** The listeners to a signal that is not ours, and the one listener that it has for all of them. */
interface Audience {
  readonly listeners: Set<() => void>;
  readonly heard: () => void;
}

const audiences = new WeakMap<AbortSignal, Audience>();

/**
 * Calls `listener` when the signal fires, at once if it has. Returns a function that removes the listener.
 *
 * One signal ends any number of waits: a request's signal, say, those of every key that the request loads. Node takes eleven listeners to one signal for a
 * leak and prints a warning, so a signal gets a single listener.
 */
export function onAbort(signal: AbortSignal, listener: (reason: unknown) => void): () => void {
  if (signal.aborted) {
    listener(signal.reason);
    return () => undefined;
  }
  const { heard, listeners } = audienceOf(signal);
  const call = (): void => {
    listener(signal.reason);
  };
  listeners.add(call);
  return () => {
    if (!listeners.delete(call) || listeners.size > 0) return;
    audiences.delete(signal);
    signal.removeEventListener('abort', heard);
  };
}

function audienceOf(signal: AbortSignal): Audience {
  const known = audiences.get(signal);
  if (known !== undefined) return known;
  const listeners = new Set<() => void>();
  const heard = (): void => {
    audiences.delete(signal);
    const called = [...listeners];
    listeners.clear();
    for (const call of called) call();
  };
  const audience = { heard, listeners };
  audiences.set(signal, audience);
  signal.addEventListener('abort', heard, { once: true });
  return audience;
}
