/** Keeps the event loop of this process from running: what a large `JSON.parse`, a pause of the garbage collector or a CPU quota that is used up does. */
export function standStill(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
