/**
 * What a loader gives for a result that only its own caller can have: it is never stored, and everybody who waited for it in this process gets this symbol and loads for
 * themselves. In other processes the mark of the unstored load says the same.
 */
export const UNCACHEABLE = Symbol('a result that only its own caller can have');
