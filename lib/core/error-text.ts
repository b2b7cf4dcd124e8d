const MOST_CAUSES = 5;
const MAX_LENGTH = 1_000;

/** An error for a line of a log: its class, its message, and what its causes say beyond that. */
export function errorText(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${errorMessage(error)}` : errorMessage(error);
}

/**
 * What an error says, followed by what its causes say beyond that: on one line, at most 1,000 characters, without the credentials of a URL. An error of several addresses
 * (`AggregateError`) says nothing by itself; what each of them said is told instead.
 */
export function errorMessage(error: unknown): string {
  const said: string[] = [];
  let current = error;
  for (let depth = 0; depth < MOST_CAUSES && current !== undefined && current !== null; depth++) {
    const own = oneLine(ownMessage(current));
    if (own !== '' && !said.some((text) => text.includes(own))) said.push(own);
    current = typeof current === 'object' ? (current as { cause?: unknown }).cause : undefined;
  }
  const text = said.map((part, index) => (index < said.length - 1 ? part.replace(/\.$/, '') : part)).join(': ');
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}

/** The text with `://***@` where a URL in it names a user or a password. A password may hold an `@` that should be encoded, so all up to the last `@` of the word goes. */
export function withoutCredentials(text: string): string {
  return text.replace(/:\/\/[^\s"'`<>]*@/g, '://***@');
}

function ownMessage(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  const { message, errors, code } = error as { message?: unknown; errors?: unknown; code?: unknown };
  if (typeof message === 'string' && message !== '') return message;
  if (Array.isArray(errors)) return [...new Set(errors.map(ownMessage))].join(', ');
  if (typeof code === 'string') return code;
  return error instanceof Error ? error.name : Object.prototype.toString.call(error);
}

/** What comes from a server must not look like further lines of a log. */
function oneLine(text: string): string {
  return withoutCredentials(text.replace(/[\s\p{Cc}]+/gu, ' ').trim());
}
