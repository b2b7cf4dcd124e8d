// Reads the table of test/package/matrix.md.
import { readFileSync } from 'node:fs';

const COLUMNS = ['consumer', 'node', 'nest', 'typeorm', 'redis', 'ioredis', 'cacheManager', 'zookeeper', 'runs'];

/** The consumers and what runs in each: `-` reads as undefined, the star behind a name as `corner`. */
export function readMatrix() {
  const text = readFileSync(new URL('../../test/package/matrix.md', import.meta.url), 'utf8');
  const [, , ...rows] = text.split('\n').filter((line) => line.startsWith('|'));
  return rows.map((row) => {
    const cells = row.split('|').slice(1, -1);
    if (cells.length !== COLUMNS.length) throw new Error(`Expected ${COLUMNS.length} cells, found: ${row}`);
    const values = cells.map((cell) => (cell.trim() === '-' ? undefined : cell.trim()));
    const { consumer, runs, ...versions } = Object.fromEntries(COLUMNS.map((name, index) => [name, values[index]]));
    const [name, star] = consumer.split(' ');
    return { ...versions, name, corner: star === '*', runs: runs.split('; ') };
  });
}
