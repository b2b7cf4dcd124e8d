import { styleText } from 'node:util';
import type { LineListener } from './instance.js';

const COLOURS = ['cyan', 'magenta', 'yellow', 'green', 'blue'] as const;

/** Writes each line behind the name of its instance, every name in its own colour where the output shows colours. */
export function prefixedLines(output: NodeJS.WriteStream): LineListener {
  const names = new Map<string, string>();
  const colourful = output.isTTY && output.hasColors();
  return (name, line) => {
    let prefix = names.get(name);
    if (prefix === undefined) {
      const colour = COLOURS[names.size % COLOURS.length] ?? COLOURS[0];
      prefix = colourful ? styleText(colour, `${name} |`) : `${name} |`;
      names.set(name, prefix);
    }
    output.write(`${prefix} ${line}\n`);
  };
}
