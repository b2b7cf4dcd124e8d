/** The server refuses us, or this command, whatever we do. */
export function isAuthReply(error: unknown): boolean {
  return startsWith(error, /^(NOAUTH|WRONGPASS|NOPERM)\b/);
}

/**
 * The server has answered, with an error that asking again does not change. Not one of those that pass by themselves: a server that
 * starts, fails over, moves slots or is busy with a script. Everything that is no reply at all (no connection, a lost one) passes too.
 */
export function isFinalReply(error: unknown): boolean {
  return startsWith(error, /^(ERR|WRONGTYPE|OOM|MISCONF|NOSCRIPT|NOPROTO|CROSSSLOT)\b/);
}

function startsWith(error: unknown, pattern: RegExp): boolean {
  return error instanceof Error && pattern.test(error.message);
}
