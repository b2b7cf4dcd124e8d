const REPORT = '/reports/top-sellers';
const ANSWERED_WITHIN_MS = 120_000;

export interface Answer {
  /** The HTTP status, or what went wrong when there was none. */
  readonly status: string;
  readonly elapsedMs: number;
}

/** Sends so many requests for the report at once, in turn to each of the instances, and waits for all answers. Rejects when `stop` fires. */
export async function storm(
  urls: readonly string[],
  requests: number,
  stop: AbortSignal,
  onAnswer: () => void,
): Promise<Answer[]> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(ANSWERED_WITHIN_MS)]);
  const answers = await Promise.all(
    Array.from({ length: requests }, async (_, index) => {
      const answer = await ask(`${urls[index % urls.length] ?? ''}${REPORT}`, signal);
      onAnswer();
      return answer;
    }),
  );
  stop.throwIfAborted();
  return answers;
}

async function ask(url: string, signal: AbortSignal): Promise<Answer> {
  const begin = performance.now();
  const status = await statusOf(url, signal);
  return { status, elapsedMs: performance.now() - begin };
}

async function statusOf(url: string, signal: AbortSignal): Promise<string> {
  try {
    const response = await fetch(url, { signal });
    await response.arrayBuffer();
    return String(response.status);
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    return cause instanceof Error ? cause.message : String(cause);
  }
}
