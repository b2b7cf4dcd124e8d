const FIRST_MS = 50;
const LONGEST_MS = 1_000;

/** How long to wait before the next attempt to reconnect: doubling from 50 ms, at most a second, for ever. Milliseconds. */
export function reconnectDelayMs(attempts: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempts, 10));
}
