import { errorMessage } from '../../core/error-text.js';
import { LockAuthError, LockUnavailableError } from '../../core/errors.js';

/** The error, or its cause, by which the server refuses us, or this command, whatever we do: a connection that it refuses is the cause of a command's failure. */
function authReply(error: unknown): Error | undefined {
  if (!(error instanceof Error)) return undefined;
  return startsWith(error, /^(NOAUTH|WRONGPASS|NOPERM)\b/) ? error : authReply(error.cause);
}

/**
 * The server has answered, with an error that asking again does not change. Not one of those that pass by themselves: a server that
 * starts, fails over, moves slots or is busy with a script. Everything that is no reply at all (no connection, a lost one) passes too.
 */
function isFinalReply(error: unknown): boolean {
  return startsWith(error, /^(ERR|WRONGTYPE|OOM|MISCONF|NOSCRIPT|NOPROTO|CROSSSLOT)\b/);
}

/** What to reject with when the server has answered that it will not do it; undefined for everything that may pass by itself. */
export function refusalOf(error: unknown): LockAuthError | LockUnavailableError | undefined {
  const reply = authReply(error);
  if (reply !== undefined)
    return new LockAuthError(`Redis refuses us (${reply.message}). Check user, password and ACL.`, { cause: reply });
  if (!isFinalReply(error)) return undefined;
  return new LockUnavailableError(`Redis answered with an error: ${errorMessage(error)}`, {
    cause: error,
    refused: true,
  });
}

function startsWith(error: unknown, pattern: RegExp): boolean {
  return error instanceof Error && pattern.test(error.message);
}
