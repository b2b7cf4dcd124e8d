import type { ErrorDescription } from './errors.js';

const MAX_NAME_LENGTH = 200;
const MAX_MESSAGE_LENGTH = 2_000;
const MAX_RESPONSE_LENGTH = 8_192;

/** What of a loader's error is worth telling other processes: plain, bounded, and safe to put into JSON. Never throws: an error may have getters. */
export function describeError(error: unknown): ErrorDescription {
  try {
    return error instanceof Error
      ? described(error)
      : { name: 'Error', message: clip(String(error), MAX_MESSAGE_LENGTH) };
  } catch {
    return { name: 'Error', message: 'an error that cannot be read' };
  }
}

/** Whether what a store has is a description that {@link describeError} may have written. A status that no answer can have would break the answer of each caller who shares the error. */
export function isErrorDescription(value: unknown): value is ErrorDescription {
  if (typeof value !== 'object' || value === null) return false;
  const { code, message, name, response, status } = value as Record<string, unknown>;
  return (
    isClipped(name, MAX_NAME_LENGTH) &&
    isClipped(message, MAX_MESSAGE_LENGTH) &&
    (code === undefined || typeof code === 'number' || isClipped(code, MAX_NAME_LENGTH)) &&
    (status === undefined || isHttpStatus(status)) &&
    (response === undefined || boundedJson(response) !== undefined)
  );
}

function described(error: Error): ErrorDescription {
  const { code, message, name } = error as {
    readonly code?: unknown;
    readonly message: unknown;
    readonly name: unknown;
  };
  const status = httpStatus(error);
  const response = status === undefined ? undefined : httpResponse(error);
  return {
    name: clip(String(name), MAX_NAME_LENGTH),
    message: clip(String(message), MAX_MESSAGE_LENGTH),
    ...(typeof code === 'string' ? { code: clip(code, MAX_NAME_LENGTH) } : typeof code === 'number' ? { code } : {}),
    ...(status === undefined ? {} : { status }),
    ...(response === undefined ? {} : { response }),
  };
}

function clip(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

function isClipped(value: unknown, length: number): value is string {
  return typeof value === 'string' && value.length <= length + 1;
}

/** Nest's `HttpException`, recognised by its methods: the core knows no framework. */
function httpStatus(error: Error): number | undefined {
  const { getStatus } = error as { getStatus?: unknown };
  if (typeof getStatus !== 'function') return undefined;
  const status: unknown = getStatus.call(error);
  return isHttpStatus(status) ? status : undefined;
}

/** Of a whole answer: those below 200 announce another one. */
function isHttpStatus(status: unknown): status is number {
  return Number.isInteger(status) && (status as number) >= 200 && (status as number) <= 599;
}

function httpResponse(error: Error): unknown {
  const { getResponse } = error as { getResponse?: unknown };
  if (typeof getResponse !== 'function') return undefined;
  const text = boundedJson(getResponse.call(error));
  return text === undefined ? undefined : (JSON.parse(text) as unknown);
}

/** Undefined for what is not JSON, too long, or nested too deep; it is not written to its end then. */
function boundedJson(value: unknown): string | undefined {
  let left = MAX_RESPONSE_LENGTH;
  try {
    const text = JSON.stringify(value, (key, part: unknown) => {
      left -= key.length + (typeof part === 'string' ? part.length : 1);
      if (left < 0) throw new RangeError('too long');
      return part;
    });
    return text.length > MAX_RESPONSE_LENGTH ? undefined : text;
  } catch {
    return undefined;
  }
}
