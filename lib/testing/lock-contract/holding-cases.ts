import assert from 'node:assert/strict';
import type { ContractCase } from '../contract-case.js';
import type { LockProviderHarness } from './lock-harness.js';
import { freshKey, lockCase } from './lock-stage.js';

/** Taking a lock and giving it back. */
export function holdingCases(harness: LockProviderHarness): ContractCase[] {
  return [
    lockCase(
      harness,
      'a free lock is acquired, is busy for another process, and is free again after its release',
      async (stage) => {
        const [holder, other] = await stage.openTwo();
        const key = freshKey();
        const held = await stage.acquire(holder, key);
        await stage.assertHeld(other, key);
        await held.release();
        await (await stage.acquire(other, key)).release();
      },
    ),

    lockCase(harness, 'a lock is busy for the very provider that holds it', async (stage) => {
      const provider = await stage.open();
      const key = freshKey();
      const held = await stage.acquire(provider, key);
      await stage.assertHeld(provider, key);
      await held.release();
      await (await stage.acquire(provider, key)).release();
    }),

    lockCase(harness, 'an attempt that found the lock busy takes nothing', async (stage) => {
      const [holder, other] = await stage.openTwo();
      const key = freshKey();
      const held = await stage.acquire(holder, key);
      await stage.assertHeld(other, key);
      await stage.assertHeld(other, key);
      await held.release();
      await (await stage.acquire(holder, key)).release();
    }),

    lockCase(harness, 'release may be called twice, one after the other and at once', async (stage) => {
      const provider = await stage.open();
      const key = freshKey();
      const first = await stage.acquire(provider, key);
      await stage.within(first.release(), 'release()');
      await stage.within(first.release(), 'the second release()');
      const second = await stage.acquire(provider, key);
      await stage.within(Promise.all([second.release(), second.release()]), 'two releases at once');
      await (await stage.acquire(provider, key)).release();
    }),

    lockCase(harness, 'a late release never frees the lock of a later holder', async (stage) => {
      const [holder, later] = await stage.openTwo();
      const key = freshKey();
      const old = await stage.acquire(holder, key);
      await old.release();
      const held = await stage.acquire(later, key);
      await old.release();
      await stage.assertHeld(holder, key);
      await stage.assertHeld(later, key);
      assert.equal(held.signal.aborted, false);
      await held.release();
    }),

    lockCase(harness, 'a late release never frees a later lock of the same provider', async (stage) => {
      const [holder, other] = await stage.openTwo();
      const key = freshKey();
      const old = await stage.acquire(holder, key);
      await old.release();
      const held = await stage.acquire(holder, key);
      await old.release();
      await stage.assertHeld(other, key);
      await held.release();
    }),

    lockCase(harness, 'the signal does not fire because of a release', async (stage) => {
      const [holder, later] = await stage.openTwo();
      const key = freshKey();
      const held = await stage.acquire(holder, key);
      assert.equal(held.signal.aborted, false);
      await held.release();
      assert.equal(held.signal.aborted, false);
      await (await stage.acquire(later, key)).release();
      await stage.attempt(holder, freshKey());
      assert.equal(held.signal.aborted, false, 'nor does it when the lock has gone to another and back');
    }),

    lockCase(harness, 'the fencing token grows from holder to holder', async (stage) => {
      const [one, two] = await stage.openTwo();
      const key = freshKey();
      const tokens: bigint[] = [];
      for (let round = 0; round < 10; round += 1) {
        for (const provider of [one, two, two]) {
          const held = await stage.acquire(provider, key);
          tokens.push(held.token);
          await held.release();
        }
      }
      tokens.forEach((token, index) => {
        const earlier = tokens[index - 1];
        assert.ok(earlier === undefined || token > earlier, `token ${String(token)} follows ${String(earlier)}`);
      });
    }),

    lockCase(harness, 'fifty locks are held at once, each by itself', async (stage) => {
      const [holder, other] = await stage.openTwo();
      const keys = Array.from({ length: 50 }, freshKey);
      const held = await Promise.all(keys.map((key) => stage.acquire(holder, key)));
      await Promise.all(keys.map((key) => stage.assertHeld(other, key)));
      await Promise.all(held.slice(0, 25).map((lock) => lock.release()));
      const taken = await Promise.all(keys.slice(0, 25).map((key) => stage.acquire(other, key)));
      await Promise.all(keys.map((key) => stage.assertHeld(holder, key)));
      await Promise.all([...held, ...taken].map((lock) => lock.release()));
    }),

    lockCase(harness, 'any text is a key, and no two of them share a lock', async (stage) => {
      const [holder, other] = await stage.openTwo();
      const keys = oddKeys(freshKey());
      const held = await Promise.all(keys.map((key) => stage.acquire(holder, key)));
      await Promise.all(keys.map((key) => stage.assertHeld(other, key)));
      await Promise.all(held.map((lock) => lock.release()));
      const again = await Promise.all(keys.map((key) => stage.acquire(other, key)));
      await Promise.all(again.map((lock) => lock.release()));
    }),
  ];
}

/** Keys that differ only in what file systems, URLs, node names or text normalization may take for the same. */
function oddKeys(unique: string): string[] {
  const long = `${unique}${'x'.repeat(1024 - unique.length)}`;
  return [
    unique,
    `${unique} `,
    `${unique}\0`,
    `${unique}\0b`,
    `${unique}\n`,
    `${unique}/`,
    `/${unique}`,
    `${unique}/.`,
    `${unique}/..`,
    `../${unique}`,
    `${unique}{}`,
    `{${unique}}`,
    `${unique}%2F`,
    `${unique}:*?[a]`,
    `${unique}\u{1f512}`,
    `${unique}\u{1f511}`,
    `${unique}\u00e9`,
    `${unique}e\u0301`,
    `${unique}\u200b`,
    unique.toUpperCase(),
    long,
    `${long.slice(0, -1)}y`,
    '\u{1f512}'.repeat(512 - unique.length) + unique,
  ];
}
