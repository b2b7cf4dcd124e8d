import { Body, Controller, Get, Inject, Param, Patch, Query } from '@nestjs/common';
import { LockedCacheable } from 'nestjs-distributed-cache';
import { Product } from '../catalogue/product.entity.js';
import { ProductIdPipe } from './product-id.pipe.js';
import { categoryKey, productKey } from './product-keys.js';
import { parseProductPatch } from './product-patch.js';
import { ProductsService } from './products.service.js';

@Controller('products')
export class ProductsController {
  constructor(@Inject(ProductsService) private readonly products: ProductsService) {}

  @Get(':id')
  @LockedCacheable({ key: ({ params }) => productKey(params['id']), entity: Product })
  findOne(@Param('id', ProductIdPipe) id: number): Promise<Product> {
    return this.products.findOne(id);
  }

  @Get()
  @LockedCacheable({ key: ({ query }) => categoryKey(query['category']) })
  async findByCategory(@Query('category') category: unknown): Promise<Product[]> {
    return this.products.findByCategory(await this.products.mustBeSlug(category));
  }

  @Patch(':id')
  change(@Param('id', ProductIdPipe) id: number, @Body() body: unknown): Promise<Product> {
    return this.products.change(id, parseProductPatch(body));
  }
}
