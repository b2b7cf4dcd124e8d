import { Controller, Get, Inject, Param, ServiceUnavailableException, type Type } from '@nestjs/common';
import { DistributedCacheService, LockedCacheable, isDistributedCacheError } from 'nestjs-distributed-cache';
import { HELD, POLICIES, SETTINGS, type Policy } from '../settings.js';
import { Database, type Row } from './database.js';

/** The routes of a policy: half of its keys are read by a decorated route, the others by the service. */
function routesOf(name: Policy): Type {
  const policy = { ttlMs: SETTINGS.ttlMs, ...POLICIES[name] };

  @Controller(name)
  class PolicyController {
    constructor(
      @Inject(DistributedCacheService) private readonly cache: DistributedCacheService,
      @Inject(Database) private readonly database: Database,
    ) {}

    @Get('route/:key')
    @LockedCacheable({ key: ({ params }) => [name, params['key']], ...policy })
    byRoute(@Param('key') key: string): Promise<Row> {
      return this.database.load(name, key, SETTINGS.loadMs);
    }

    @Get('call/:key')
    async byCall(@Param('key') key: string): Promise<Row> {
      const load = (): Promise<Row> => this.database.load(name, key, SETTINGS.loadMs);
      try {
        return await this.cache.getOrLoad([name, key], load, policy);
      } catch (error) {
        throw isDistributedCacheError(error) ? new ServiceUnavailableException(undefined, { cause: error }) : error;
      }
    }
  }
  return PolicyController;
}

@Controller(HELD)
class HeldController {
  constructor(@Inject(Database) private readonly database: Database) {}

  @Get(':key/:loadMs')
  @LockedCacheable({ key: ({ params }) => [HELD, params['key']], ttlMs: 60_000 })
  held(@Param('key') key: string, @Param('loadMs') loadMs: string): Promise<Row> {
    return this.database.load(HELD, key, Number(loadMs));
  }
}

export const CONTROLLERS: readonly Type[] = [...(Object.keys(POLICIES) as Policy[]).map(routesOf), HeldController];
