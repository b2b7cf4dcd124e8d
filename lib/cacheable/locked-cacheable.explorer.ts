import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleInit, type Type } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { InvalidOptionsError } from '../core/errors.js';
import { LOCKED_CACHEABLE, type RoutePlan } from './route-plan.js';
import { RoutePlans, type Handler } from './route-plans.js';

/** Providers whose methods answer in other contexts than HTTP, where interceptors run and this one does nothing. */
const OTHER_CONTEXTS = ['websockets:is_gateway', 'graphql:resolver_type'];

/** Looks at every decorated method while the application starts, so that a mistake is found then and not by the first request. */
@Injectable()
export class LockedCacheableExplorer implements OnModuleInit, OnApplicationBootstrap {
  constructor(
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(MetadataScanner) private readonly scanner: MetadataScanner,
    @Inject(RoutePlans) private readonly plans: RoutePlans,
  ) {}

  /** @throws InvalidOptionsError for a decorated method of a provider, and for a policy that does not fit the module's options */
  onModuleInit(): void {
    const routes = this.routes();
    for (const plan of routes) this.plans.warnOfNever(plan);
    this.plans.warnOfUninvalidated(routes);
    for (const { instance } of this.discovery.getProviders() as { readonly instance: unknown }[]) {
      const prototype = prototypeOf(instance);
      if (prototype !== undefined) this.refuseProvider(prototype);
    }
  }

  /** Not sooner: a data source may be initialized in the `onModuleInit` of another module. @throws InvalidOptionsError when two entities have one name */
  onApplicationBootstrap(): void {
    for (const plan of this.routes()) this.plans.checkVersions(plan);
  }

  private routes(): RoutePlan[] {
    const controllers = this.discovery.getControllers().map(({ metatype }) => metatype);
    return controllers
      .filter((controller): controller is Type => typeof controller === 'function')
      .flatMap((controller) =>
        this.decorated(controller.prototype as object).map(({ handler }) => this.plans.find(controller, handler)),
      )
      .filter((plan) => plan !== undefined);
  }

  private refuseProvider(prototype: object): void {
    const { constructor } = prototype;
    if (OTHER_CONTEXTS.some((key) => Reflect.hasMetadata(key, constructor))) return;
    const [first] = this.decorated(prototype);
    if (first === undefined) return;
    throw new InvalidOptionsError(
      `@LockedCacheable() on ${constructor.name}.${first.name}: expected a method of a controller, got one of a provider, where no interceptor runs. ` +
        'Inject DistributedCacheService there and call getOrLoad(key, loader).',
    );
  }

  private decorated(prototype: object): { readonly name: string; readonly handler: Handler }[] {
    return this.scanner
      .getAllMethodNames(prototype)
      .map((name) => ({ name, handler: (prototype as Record<string, unknown>)[name] as Handler }))
      .filter(({ handler }) => Reflect.hasMetadata(LOCKED_CACHEABLE, handler));
  }
}

/** Of providers that are not singletons, and not made yet, Nest keeps an instance that only has its prototype. */
function prototypeOf(instance: unknown): object | undefined {
  return typeof instance === 'object' && instance !== null
    ? ((Object.getPrototypeOf(instance) as object | null) ?? undefined)
    : undefined;
}
