/** Runs `count` calls, `width` at a time, and tells how long one took on average, in microseconds. */
export async function pace(count: number, width: number, call: (index: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const since = performance.now();
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < count) await call(next++);
    }),
  );
  return ((performance.now() - since) * 1_000) / count;
}

/** As {@link pace}, in microseconds of this process's own processor time: what others do on the machine hardly shows in it. */
export async function processorTime(
  count: number,
  width: number,
  call: (index: number) => Promise<unknown>,
): Promise<number> {
  const before = process.cpuUsage();
  await pace(count, width, call);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}
