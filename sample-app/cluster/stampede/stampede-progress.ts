import { Presets, SingleBar } from 'cli-progress';
import type { CacheMode } from '../../config.js';

/** Shows how far one mode is. */
export interface StampedeProgress {
  /** The instances are being started. */
  begin(mode: CacheMode, requests: number): void;
  answered(): void;
  asked(times: number): void;
  end(): void;
}

/** One line that moves on a terminal; elsewhere, where nothing can be overwritten, a line when a mode begins and one when it ends. */
export function stampedeProgress(output: NodeJS.WriteStream): StampedeProgress {
  return output.isTTY ? movingLine(output) : plainLines(output);
}

function movingLine(stream: NodeJS.WriteStream): StampedeProgress {
  const format = '{mode} {bar} {value}/{total} answered, queries to the database: {asked}';
  const line = new SingleBar({ stream, format, hideCursor: true, barsize: 30, fps: 10 }, Presets.shades_classic);
  return {
    begin: (mode, requests) => line.start(requests, 0, { mode: mode.padEnd('distributed'.length), asked: 0 }),
    answered: () => line.increment(),
    asked: (times) => line.update({ asked: times }),
    end: () => line.stop(),
  };
}

function plainLines(output: NodeJS.WriteStream): StampedeProgress {
  let answers = 0;
  let askedTimes = 0;
  return {
    begin: (mode, requests) => {
      answers = 0;
      askedTimes = 0;
      output.write(`${mode}: starting the instances, then ${requests} requests at once\n`);
    },
    answered: () => (answers += 1),
    asked: (times) => (askedTimes = times),
    end: () => output.write(`${answers} answered, queries to the database: ${askedTimes}\n`),
  };
}
