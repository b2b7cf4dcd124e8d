/** True when the server has answered, with an error: such a text begins with a code in capitals (`OOM command not allowed …`), and what clients say of a connection does not. */
export function isErrorReply(error: unknown): error is Error {
  return error instanceof Error && /^[A-Z]{2,} /.test(error.message);
}
