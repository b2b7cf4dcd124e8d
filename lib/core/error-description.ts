import type { ErrorDescription } from './errors.js';

const MAX_MESSAGE_LENGTH = 2_000;
const MAX_RESPONSE_LENGTH = 8_192;

/** What of a loader's error is worth telling other processes: plain, bounded, and safe to put into JSON. */
export function describeError(error: unknown): ErrorDescription {
  if (!(error instanceof Error)) return { name: 'Error', message: clip(String(error)) };
  const { code } = error as { code?: unknown };
  const status = httpStatus(error);
  const response = status === undefined ? undefined : httpResponse(error);
  return {
    name: error.name,
    message: clip(error.message),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(status === undefined ? {} : { status }),
    ...(response === undefined ? {} : { response }),
  };
}

function clip(text: string): string {
  return text.length > MAX_MESSAGE_LENGTH ? `${text.slice(0, MAX_MESSAGE_LENGTH)}…` : text;
}

/** Nest's `HttpException`, recognised by its methods: the core knows no framework. */
function httpStatus(error: Error): number | undefined {
  const { getStatus } = error as { getStatus?: unknown };
  if (typeof getStatus !== 'function') return undefined;
  const status: unknown = getStatus.call(error);
  return typeof status === 'number' ? status : undefined;
}

function httpResponse(error: Error): unknown {
  const { getResponse } = error as { getResponse?: unknown };
  if (typeof getResponse !== 'function') return undefined;
  try {
    const text = JSON.stringify(getResponse.call(error));
    return text.length > MAX_RESPONSE_LENGTH ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}
