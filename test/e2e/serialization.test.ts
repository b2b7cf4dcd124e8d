import { ClassSerializerInterceptor, Controller, Get, UseInterceptors } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Exclude, Expose } from 'class-transformer';
import { DistributedCacheService, LockedCacheable } from 'nestjs-distributed-cache';
import { afterEach, describe, expect, it } from 'vitest';
import { get, PLATFORMS, startApp, stopApps } from './support/app.js';

class Account {
  id = 1;
  name = 'ann';
  createdAt = new Date(0);

  @Exclude()
  password = 'hunter2';

  @Expose()
  get label(): string {
    return `#${String(this.id)} ${this.name}`;
  }
}

@Controller()
class AccountsController {
  @Get('global')
  @LockedCacheable({ key: () => ['account', 1] })
  global(): Account {
    return new Account();
  }

  @Get('list')
  @LockedCacheable()
  list(): Account[] {
    return [new Account(), new Account()];
  }

  @Get('outside')
  @LockedCacheable()
  @UseInterceptors(ClassSerializerInterceptor)
  outside(): Account {
    return new Account();
  }

  @Get('inside')
  @UseInterceptors(ClassSerializerInterceptor)
  @LockedCacheable()
  inside(): Account {
    return new Account();
  }
}

const PUBLIC = { id: 1, name: 'ann', createdAt: '1970-01-01T00:00:00.000Z', label: '#1 ann' };

describe.each(PLATFORMS)('serialization on %s', (platform) => {
  afterEach(stopApps);

  it.each(['global', 'list', 'outside', 'inside'])(
    '%s: what @Exclude() hides is hidden on a miss and on a hit',
    async (path) => {
      const { url } = await startApp({
        platform,
        controllers: [AccountsController],
        cache: { classes: [Account] },
        configure: (app) => app.useGlobalInterceptors(new ClassSerializerInterceptor(app.get(Reflector))),
      });
      const replies = [await get(`${url}/${path}`), await get(`${url}/${path}`)];
      expect(replies.map(({ cache }) => cache)).toEqual(['MISS', 'HIT']);
      for (const { body } of replies) {
        expect(body).not.toContain('hunter2');
        expect(JSON.parse(body)).toEqual(path === 'list' ? [PUBLIC, PUBLIC] : PUBLIC);
      }
    },
  );

  it('a hit is an instance of its class', async () => {
    const { url, app } = await startApp({ platform, controllers: [AccountsController], cache: { classes: [Account] } });
    await get(`${url}/global`);
    const found = await app.get(DistributedCacheService).get(['account', 1]);
    expect(found).toBeInstanceOf(Account);
    expect((found as Account).createdAt).toEqual(new Date(0));
  });

  it('an instance of a class that is not known is answered and not stored', async () => {
    const { url, events } = await startApp({ platform, controllers: [AccountsController] });
    expect([(await get(`${url}/global`)).cache, (await get(`${url}/global`)).cache]).toEqual(['MISS', 'MISS']);
    expect(events).toContainEqual(expect.objectContaining({ type: 'not-stored', reason: 'unserializable' }));
  });
});
