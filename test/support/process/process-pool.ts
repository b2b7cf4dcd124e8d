import { expect } from 'vitest';
import type { DrivenProcess } from './driven-process.js';

/** Processes that the tests of a file share, one test after the other. */
export class ProcessPool<Settings extends object, P extends DrivenProcess<Settings>> {
  private readonly idle: P[] = [];

  constructor(private readonly fork: () => P) {}

  async open(settings: Settings): Promise<P> {
    const one = this.idle.pop() ?? this.fork();
    try {
      await one.open(settings);
      return one;
    } catch (error) {
      await one.kill();
      throw error;
    }
  }

  /** Closes what a test has opened, and fails the test where that is not possible or a rejection was not handled. */
  async giveBack(opened: readonly P[]): Promise<void> {
    const closings = opened.map((one) => this.close(one));
    const failed = (await Promise.allSettled(closings)).filter((closing) => closing.status === 'rejected');
    expect(failed.map(({ reason }) => String(reason))).toEqual([]);
    expect(opened.flatMap((one) => one.takeUnhandled())).toEqual([]);
  }

  /** Ends all processes in order: an application that was closed must leave nothing that keeps its process alive. */
  async end(): Promise<void> {
    const codes = await Promise.all(this.idle.map((one) => one.end()));
    expect(codes).toEqual(codes.map(() => 0));
    expect(this.idle.flatMap((one) => one.takeUnhandled())).toEqual([]);
  }

  private async close(one: P): Promise<void> {
    if (one.hasEnded) return;
    one.signal('SIGCONT');
    try {
      await one.closeApplication();
      // A test that failed half-way leaves what must not reach the next one.
      if (one.isBusy) await one.kill();
      else this.idle.push(one);
    } catch (error) {
      await one.kill();
      throw error;
    }
  }
}
