import { expect, it } from 'vitest';
import { Fleet } from '../../support/fleet.js';

it('many loads at a time are no leak, and nothing says so on stderr', async () => {
  const warnings: string[] = [];
  const hear = (warning: Error): void => void warnings.push(warning.name);
  process.on('warning', hear);
  const instance = new Fleet().instance();
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const loads = Array.from({ length: 30 }, (_, n) => instance.load(() => gate.then(() => n), {}, { key: `k${n}` }));
  await expect.poll(() => instance.flow().filter((type) => type === 'load-started').length).toBe(30);
  open();
  await Promise.all(loads);
  // Warnings are told on a later tick.
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', hear);
  expect(warnings).toEqual([]);
});
