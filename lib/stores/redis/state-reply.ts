import { CorruptEntryError } from '../../core/errors.js';
import { isLoadMark } from '../../core/load-mark.js';
import type {
  BeginOutcome,
  FillOutcome,
  KeyState,
  LoadMark,
  StoredValue,
  SupersededReason,
} from '../../core/versioned-store.js';
import type { Version } from '../../core/version.js';
import { READ_FIELDS } from './read-script.js';
import { FURTHEST_MS } from './state-prelude.js';

const REASONS: readonly string[] = ['invalidated', 'evicted', 'filled', 'older'] satisfies SupersededReason[];
const ORDER_DIGITS = 19;
/** How many words of a reply tell a plain hit; see `READ`. */
const HIT_WORDS = 4;

/** A version as the scripts take it: compared in two halves, since a Lua number would lose digits. Two empty texts stand for none. */
export function versionArguments(version: Version | undefined): [kind: string, order: string] {
  return version === undefined ? ['', ''] : [version.kind, version.order.toString().padStart(ORDER_DIGITS, '0')];
}

/** @throws CorruptEntryError when what lies under the key was not written by us */
export function parseRead(reply: unknown): KeyState {
  const words = list(reply);
  return words.length === HIT_WORDS ? parseHit(words) : parseState(list(reply, 3));
}

function parseHit([payload, freshForMs, kind, order]: readonly unknown[]): KeyState {
  return { loading: false, value: valueOf(payload, Number(text(freshForMs)), kind, order) };
}

function parseState([seconds, micros, fields]: readonly unknown[]): KeyState {
  const now = Number(text(seconds)) * 1_000 + Math.floor(Number(text(micros)) / 1_000);
  const [payload, freshUntil, keptUntil, kind, order, lease, leaseUntil, loading, mark, markUntil] = list(
    fields,
    READ_FIELDS.length,
  );
  const leased = isAlive(leaseUntil, now);
  return {
    ...(isAlive(keptUntil, now) && { value: storedValue(now, payload, freshUntil, kind, order) }),
    ...(leased && { lease: text(lease) }),
    loading: leased && isLoading(loading, now),
    ...(isAlive(markUntil, now) && { mark: parseMark(mark) }),
  };
}

export function parseBegin(reply: unknown): BeginOutcome {
  const [kind, first, existed, loading, begunAt, tombstoneForMs] = list(reply);
  switch (optionalText(kind)) {
    case 'fresh':
      return { kind: 'fresh', value: parseFresh(first) };
    case 'failed':
      return { kind: 'failed', mark: parseMark(first) };
    case 'lease':
      return {
        kind: 'lease',
        lease: text(first),
        existed: text(existed) === '1',
        loading: text(loading) === '1',
        begunAt: text(begunAt),
        ...(optionalText(tombstoneForMs) !== undefined && { tombstoneForMs: Number(text(tombstoneForMs)) }),
      };
    default:
      throw malformed(reply);
  }
}

export function parseFill(reply: unknown): FillOutcome {
  const [outcome, why, detail] = list(reply);
  if (optionalText(outcome) === 'stored') return { stored: true };
  const reason = optionalText(why);
  if (optionalText(outcome) !== 'superseded' || reason === undefined || !REASONS.includes(reason))
    throw malformed(reply);
  if (reason === 'filled') return { stored: false, reason, current: parseFresh(detail) };
  if (reason !== 'older') return { stored: false, reason: reason as SupersededReason };
  const [kind, order] = list(detail, 2);
  const floor = versionOf(kind, order);
  return { stored: false, reason, ...(floor !== undefined && { floor }) };
}

export function parseRenew(reply: unknown): boolean {
  return text(reply) === '1';
}

export function parseSet(reply: unknown): 'stored' | 'invalidated' {
  const outcome = optionalText(reply);
  if (outcome !== 'stored' && outcome !== 'invalidated') throw malformed(reply);
  return outcome;
}

/** Where the server says that the key holds something of another type, which none of our scripts ever makes. */
export function isForeignType(error: unknown): boolean {
  return error instanceof Error && error.message.includes('WRONGTYPE');
}

function parseFresh(reply: unknown): StoredValue {
  const [now, payload, freshUntil, kind, order] = list(reply);
  return storedValue(Number(text(now)), payload, freshUntil, kind, order);
}

function storedValue(now: number, payload: unknown, freshUntil: unknown, kind: unknown, order: unknown): StoredValue {
  return valueOf(payload, Number(text(freshUntil)) - now, kind, order);
}

function valueOf(payload: unknown, freshForMs: number, kind: unknown, order: unknown): StoredValue {
  const version = versionOf(kind, order);
  if (Number.isNaN(freshForMs)) throw malformed(freshForMs);
  const value = { payload: text(payload), freshForMs, staleSinceMs: Math.max(0, -freshForMs) };
  return version === undefined ? value : { ...value, version };
}

function versionOf(kind: unknown, order: unknown): Version | undefined {
  const name = optionalText(kind);
  if (name === undefined) return undefined;
  const digits = text(order);
  if (!/^\d{19}$/.test(digits)) throw malformed(digits);
  return { kind: name, order: BigInt(digits) };
}

function parseMark(reply: unknown): LoadMark {
  const written = text(reply);
  try {
    const mark: unknown = JSON.parse(written);
    if (isLoadMark(mark)) return mark;
  } catch {
    // told below
  }
  throw malformed(written);
}

/** A moment, or `1` for as long as the lease lives. */
function isLoading(until: unknown, now: number): boolean {
  const written = optionalText(until) ?? '0';
  const end = Number(written);
  return written === '1' || (now < end && end <= FURTHEST_MS);
}

function isAlive(until: unknown, now: number): boolean {
  const end = Number(optionalText(until) ?? 0);
  if (end >= 0 && end <= FURTHEST_MS) return now < end;
  throw malformed(until);
}

function list(reply: unknown, length?: number): readonly unknown[] {
  if (!Array.isArray(reply) || (length !== undefined && reply.length !== length)) throw malformed(reply);
  return reply;
}

function text(reply: unknown): string {
  const found = optionalText(reply);
  if (found === undefined) throw malformed(reply);
  return found;
}

/** A client may be set to return buffers. */
function optionalText(reply: unknown): string | undefined {
  if (typeof reply === 'string') return reply;
  return reply instanceof Uint8Array ? Buffer.from(reply).toString() : undefined;
}

function malformed(reply: unknown): CorruptEntryError {
  const shown =
    typeof reply === 'string'
      ? JSON.stringify(reply.slice(0, 80))
      : Array.isArray(reply)
        ? `a list of ${reply.length}`
        : String(reply);
  return new CorruptEntryError(`What lies under the key was not written by this version of the store: got ${shown}`);
}
