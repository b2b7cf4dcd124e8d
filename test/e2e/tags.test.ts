import { Controller, Get, Inject, Param, Post } from '@nestjs/common';
import { DistributedCacheService, LockedCacheable, type CacheableRequest } from 'nestjs-distributed-cache';
import { afterEach, describe, expect, it } from 'vitest';
import { get, startApp, stopApps } from './support/app.js';

afterEach(stopApps);

@Controller()
class ShelfController {
  static loads = 0;

  constructor(@Inject(DistributedCacheService) private readonly cache: DistributedCacheService) {}

  @Get('static')
  @LockedCacheable({ tags: ['products'] })
  fixed() {
    return { loads: ++ShelfController.loads };
  }

  @Get('shelves/:shelf')
  @LockedCacheable({
    tags: ({ params }: CacheableRequest<{ params: { shelf: string } }>, value: unknown) => [
      `shelf ${params.shelf}`,
      ...((value as { products?: number[] } | undefined)?.products ?? []).map((id) => `product ${id}`),
    ],
  })
  shelf(@Param('shelf') shelf: string) {
    return { shelf, products: shelf === 'upper' ? [1, 2] : [2, 3], loads: ++ShelfController.loads };
  }

  @Post('changes/:tag')
  async change(@Param('tag') tag: string) {
    await this.cache.invalidateTags([tag]);
  }
}

async function shop() {
  const { url, app } = await startApp({ controllers: [ShelfController] });
  const outcome = async (path: string) => (await get(`${url}/${path}`)).cache;
  return {
    cache: app.get(DistributedCacheService),
    change: (tag: string) => get(`${url}/changes/${encodeURIComponent(tag)}`, { method: 'POST' }),
    /** Which of these are still cached. */
    hits: async (...paths: string[]) => {
      const found = [];
      for (const path of paths) if ((await outcome(path)) === 'HIT') found.push(path);
      return found;
    },
  };
}

describe('tags', () => {
  it('of a route invalidate what carries them, and nothing else', async () => {
    const { change, hits } = await shop();
    const all = ['static', 'shelves/upper', 'shelves/lower'];
    expect(await hits(...all)).toEqual([]);
    expect(await hits(...all)).toEqual(all);
    await change('shelf upper');
    expect(await hits(...all)).toEqual(['static', 'shelves/lower']);
    await change('product 2');
    expect(await hits(...all)).toEqual(['static']);
    await change('product 3');
    expect(await hits(...all)).toEqual(['static', 'shelves/upper']);
    await change('products');
    expect(await hits(...all)).toEqual(['shelves/upper', 'shelves/lower']);
  });

  it('of a call too, given or read of the value', async () => {
    const { cache } = await shop();
    const load = () => cache.getOrLoadWithOutcome(['k'], () => ({ id: 7 }), { tags: (value) => [`row ${value?.id}`] });
    await load();
    await cache.invalidateTags(['row 8']);
    expect((await load()).outcome).toBe('HIT');
    await cache.invalidateTags(['row 7']);
    expect((await load()).outcome).toBe('MISS');
    await cache.getOrLoad(['l'], () => 1, { tags: ['all'] });
    await cache.invalidateTags(['all', 'all']);
    expect(await cache.get(['l'])).toBeUndefined();
  });

  it('that make no sense are refused with what to do', async () => {
    const { cache } = await shop();
    await expect(cache.getOrLoad(['k'], () => 1, { tags: [''] })).rejects.toThrow(/tags: expected an array of texts/);
    await expect(cache.invalidateTags('products' as never)).rejects.toThrow(/invalidateTags\(\): expected an array/);
    expect(() => LockedCacheable({ tags: 1 as never })).toThrow(/tags: expected/);
  });
});
