import { Inject, Injectable } from '@nestjs/common';
import { InvalidOptionsError } from '../../core/errors.js';
import { DistributedCacheService } from '../../distributed-cache.service.js';
import { checkOptions, oneOf, type OptionRule } from '../../options/option-rules.js';
import { HEALTH_RULES, type CacheHealth, type HealthOptions } from '../cache-health.js';

/** What `DistributedCacheHealthIndicator.check()` takes. All of it may be left out. */
export interface HealthCheckOptions extends HealthOptions {
  /**
   * From which state on the check fails, so that the instance is not ready. `'down'` (default): requests fail, because a part is away and the policy says `'fail'`. `'degraded'`: a part is away, although requests are
   * answered. `'never'`: it is told and nothing else.
   */
  readonly failOn?: 'down' | 'degraded' | 'never';
}

/**
 * What a health check of `@nestjs/terminus` takes: the result, under the key that it was asked with. Its status may be `degraded` too, where terminus knows the word; the type leaves that out, because the types of
 * older ones refuse it.
 */
export type CacheHealthResult<Key extends string = string> = Record<
  Key,
  { status: 'up' | 'down' } & Record<string, unknown>
>;

/** Exported for the tests of the options' page. */
export const HEALTH_CHECK_RULES = {
  failOn: oneOf('down', 'degraded', 'never'),
  ...HEALTH_RULES,
} satisfies Record<keyof HealthCheckOptions, OptionRule>;

/** What of terminus is used. `degraded` came with 12.1. */
interface HealthIndicatorSession {
  up(data: object): object;
  down(data: object): object;
  degraded?(data: object): object;
}

/** A health indicator for `@nestjs/terminus`: whether store and lock service are there. Takes no lock, and never hangs. */
@Injectable()
export class DistributedCacheHealthIndicator {
  /** @internal Nest builds it. */
  constructor(@Inject(DistributedCacheService) private readonly cache: DistributedCacheService) {}

  /**
   * For `HealthCheckService.check([…])`: `() => cacheHealth.check('cache')`. The result carries `state` (`up`, `degraded`, `down`), `store` and `lock`. What is degraded and does not fail has
   * the status `degraded`, or `up` with a terminus older than 12.1, which does not know that word.
   *
   * @throws InvalidOptionsError for options that make no sense, and when `@nestjs/terminus` is not installed
   */
  async check<const Key extends string>(key: Key, options: HealthCheckOptions = {}): Promise<CacheHealthResult<Key>> {
    checkOptions('check() options', options, HEALTH_CHECK_RULES);
    const { failOn = 'down', timeoutMs } = options;
    const session = await this.session(key);
    const { status: state, ...parts } = await this.cache.health(timeoutMs === undefined ? {} : { timeoutMs });
    const data = { state, ...parts };
    if (fails(state, failOn)) return session.down(data) as CacheHealthResult<Key>;
    const degraded = state === 'up' ? undefined : session.degraded?.(data);
    return (degraded ?? session.up(data)) as CacheHealthResult<Key>;
  }

  private async session(key: string): Promise<HealthIndicatorSession> {
    const { HealthIndicatorService } = await import('@nestjs/terminus').catch((error: unknown) => {
      if ((error as { code?: unknown } | null)?.code !== 'ERR_MODULE_NOT_FOUND') throw error;
      throw new InvalidOptionsError(
        'DistributedCacheHealthIndicator: expected the package @nestjs/terminus to be installed. Run `npm install @nestjs/terminus`.',
      );
    });
    return new HealthIndicatorService().check(key);
  }
}

function fails(state: CacheHealth['status'], failOn: 'down' | 'degraded' | 'never'): boolean {
  if (failOn === 'never' || state === 'up') return false;
  return state === 'down' || failOn === 'degraded';
}
