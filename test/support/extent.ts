/**
 * What is random or repeated has two extents. `npm test` runs the short one, with the same seeds each time; `npm run test:long` runs the long one, with seeds of its own.
 */
export function extent<T>(short: T, long: T): T {
  return isLong ? long : short;
}

export const isLong = process.env.TEST_EXTENT === 'long';
