import { BadRequestException, Inject, Injectable, NotFoundException } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { DistributedCacheService } from 'nestjs-distributed-cache';
import { Repository } from 'typeorm';
import { Category } from '../catalogue/category.entity.js';
import { Product } from '../catalogue/product.entity.js';
import { categoryKey, productKey } from './product-keys.js';
import type { ProductPatch } from './product-patch.js';

/** Reads and changes of the catalogue. The reads know nothing of the cache; it stands in front of them, on the controller. */
@Injectable()
export class ProductsService {
  constructor(
    @InjectRepository(Product) private readonly products: Repository<Product>,
    @InjectRepository(Category) private readonly categories: Repository<Category>,
    @Inject(DistributedCacheService) private readonly cache: DistributedCacheService,
  ) {}

  async findOne(id: number): Promise<Product> {
    const product = await this.products.findOne({ where: { id }, relations: { category: true } });
    if (product === null) throw new NotFoundException(`There is no product ${id}`);
    return product;
  }

  async findByCategory(slug: string): Promise<Product[]> {
    const category = await this.categories.findOneBy({ slug });
    if (category === null)
      throw new NotFoundException(`There is no category '${slug}'. There are: ${await this.slugs()}`);
    return this.products.find({ where: { category: { id: category.id } }, order: { id: 'ASC' } });
  }

  /**
   * Changes the row, and after the commit says so to the cache: not before, or a load could read the old row once more and store it. What to
   * invalidate is known before the change, so that nothing can fail between the commit and the announcement.
   */
  async change(id: number, patch: ProductPatch): Promise<Product> {
    const { category } = await this.findOne(id);
    // `update(id, patch)` would not tell the cache which row it changed, and outdate every product.
    await this.products.save({ id, ...patch });
    await Promise.all([this.cache.invalidate(productKey(id)), this.cache.invalidate(categoryKey(category.slug))]);
    return this.findOne(id);
  }

  async mustBeSlug(slug: unknown): Promise<string> {
    if (typeof slug === 'string' && slug !== '') return slug;
    throw new BadRequestException(`Say which category: /products?category=kitchen. There are: ${await this.slugs()}`);
  }

  private async slugs(): Promise<string> {
    const categories = await this.categories.find({ order: { slug: 'ASC' } });
    return categories.map(({ slug }) => slug).join(', ');
  }
}
