import { systemClock } from '../core/clock.js';
import { Deadline } from '../core/deadline.js';

/** How long a server that has taken the connection may take to greet. */
const GREETING_MS = 1_000;

/** What we call on a client of node-redis in order to close it. */
export interface DestroyableSlice {
  /** Versions 5 and 6; version 4 has `disconnect`. */
  destroy?(): unknown;
  disconnect?(): unknown;
}

/** What a single client of node-redis tells of its attempts to connect. */
export interface ConnectingSlice extends DestroyableSlice {
  on(event: 'reconnecting' | 'connect' | 'ready' | 'error', listener: () => void): unknown;
}

/**
 * Call it before the client's `connect()`; returns what closes the client, at any time.
 *
 * Of a socket that it is just opening node-redis 4 to 6 knows nothing yet: 1. it opens one; 2. it is destroyed; 3. the socket stands, is taken into use, and keeps the process
 * from ending, while every further call is told that the client is closed. Destroyed between 3 and the server's greeting it rejects promises that nobody has. So a close is put off until the attempt
 * under way has ended, well or not; connect timeout and {@link GREETING_MS} bound that.
 */
export function closing(client: ConnectingSlice): () => void {
  let attempt: 'opens a socket' | 'is to be greeted' | 'over' = 'opens a socket';
  let isClosing = false;
  let isDestroyed = false;
  let greeting: Deadline | undefined;
  const closeIfDue = (): void => {
    if (!isClosing || isDestroyed || attempt === 'opens a socket') return;
    if (attempt === 'is to be greeted') {
      greeting ??= new Deadline(systemClock, GREETING_MS, attemptEnded);
      return;
    }
    greeting?.end();
    isDestroyed = true;
    destroy(client);
  };
  const now = (state: typeof attempt) => (): void => {
    attempt = state;
    closeIfDue();
  };
  const attemptEnded = now('over');
  client.on('reconnecting', now('opens a socket'));
  client.on('connect', now('is to be greeted'));
  client.on('ready', attemptEnded);
  client.on('error', attemptEnded);
  return () => {
    isClosing = true;
    closeIfDue();
  };
}

export function destroy(client: DestroyableSlice): void {
  // closing what is closed already is answered with an error, by version 4 with a rejection
  void (async () => (client.destroy ? client.destroy() : client.disconnect?.()))().catch(() => undefined);
}
