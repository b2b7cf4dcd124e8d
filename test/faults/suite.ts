import { afterAll, describe, expect, it } from 'vitest';
import { extent } from '../support/extent.js';
import { CASES, type Case } from './cases.js';
import { judge } from './judge.js';
import { leftovers } from './leftovers.js';
import type { Length } from './settings.js';
import { STAGES, Stage, type StageKind } from './stage.js';

const LENGTH = extent<Length>('quick', 'short');
/** A machine that carries the load takes a tenth of it. */
const TIMEOUT_MS = 400_000;

/** Some of the cases, one after the other on the same servers and instances; after one that went wrong there are new ones. */
export function faultSuite(belongs: (each: Case) => boolean): void {
  for (const kind of STAGES) {
    const cases = CASES.filter((each) => each.stage === kind && belongs(each));
    if (cases.length > 0) describe(`faults: ${kind}`, { timeout: TIMEOUT_MS }, () => onOneStage(kind, cases));
  }
}

function onOneStage(kind: StageKind, cases: readonly Case[]): void {
  let open: Stage | undefined;

  async function on<T>(run: (stage: Stage) => Promise<T>): Promise<T> {
    open ??= await Stage.open(kind, LENGTH);
    try {
      return await run(open);
    } catch (error) {
      await close();
      throw error;
    }
  }

  async function close(): Promise<void> {
    const closing = open;
    open = undefined;
    await closing?.close();
  }

  afterAll(close);

  for (const each of cases) {
    it(each.name, () =>
      on(async (stage) => {
        const { complaints } = await judge(stage, each);
        // As a text, so that the shortest report tells it.
        expect(complaints.join('; ')).toBe('');
      }),
    );
  }

  it('leaves nothing behind', () =>
    on(async (stage) => {
      await stage.fleet.fill();
      expect((await leftovers(stage)).join('; ')).toBe('');
    }));
}
