import { dateVersion } from '../codec/entity-version.js';
import type { LoadPolicy } from '../core/load-policy.js';
import type { LoadContext, LoadRequest } from '../core/load-request.js';
import { MAX_VERSION_ORDER, type Version } from '../core/version.js';
import { refuse } from './option-rules.js';

/** What a row's version column holds now, as drivers and TypeORM give it; `null` or `undefined` when there is no row. */
export type CurrentVersion = bigint | number | string | Date | Version | null | undefined;

/** Reads what `currentVersion` gives in the kind of what is stored. */
export function currentVersionReader(
  read: (context: LoadContext) => CurrentVersion | Promise<CurrentVersion>,
): NonNullable<LoadRequest<unknown>['currentVersion']> {
  return async (context, stored) => toStoredKind(await read(context), stored);
}

/** @throws InvalidOptionsError when there could never be anything to renew */
export function checkRenewal(
  where: string,
  { eagerRefresh, staleIfErrorMs, staleWhileRevalidateMs }: LoadPolicy,
  { currentVersion, entity, version }: { currentVersion?: unknown; entity?: unknown; version?: unknown },
): void {
  if (currentVersion === undefined) return;
  const mistakes: string[] = [];
  if (entity === undefined && version === undefined)
    mistakes.push(
      'currentVersion: expected entity or version beside it, got neither: what is stored has no version to compare with. Name the entity.',
    );
  if (eagerRefresh === 0 && staleIfErrorMs === 0 && staleWhileRevalidateMs === 0)
    mistakes.push(
      'currentVersion: expected eagerRefresh, staleWhileRevalidateMs or staleIfErrorMs above 0 beside it, got none: when a value is loaded anew, nothing would be left to renew. Set one of them.',
    );
  refuse(where, mistakes);
}

/** A counter has no kind of its own: it counts what the stored one counts. */
function toStoredKind(given: CurrentVersion, { kind }: Version): Version | undefined {
  if (given === null || given === undefined) return undefined;
  const counter = kind === 'extracted' ? kind : 'version';
  if (typeof given === 'bigint') return within(counter, given);
  if (typeof given === 'number' && Number.isSafeInteger(given)) return within(counter, BigInt(given));
  if (typeof given === 'string' && /^\d{1,19}$/.test(given)) return within(counter, BigInt(given));
  if (given instanceof Date) return dateVersion(given) ?? mistaken('an invalid Date');
  if (typeof given === 'object' && typeof given.kind === 'string' && typeof given.order === 'bigint')
    return within(given.kind, given.order);
  return mistaken(typeof given === 'string' ? JSON.stringify(given.slice(0, 40)) : `a value of type ${typeof given}`);
}

function within(kind: string, order: bigint): Version {
  return order >= 0n && order <= MAX_VERSION_ORDER ? { kind, order } : mistaken(String(order));
}

function mistaken(what: string): never {
  throw new TypeError(
    `currentVersion: expected a whole number from 0 to 2^63-1, its digits, a Date, { kind, order }, null or undefined, got ${what}`,
  );
}
