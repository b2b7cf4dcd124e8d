import type { TypeOrmDataSource } from '../codec/typeorm-types.js';

type Initialize = (...args: unknown[]) => Promise<unknown>;

/**
 * Tells when a data source is initialized while the application runs: `manualInitialization`, or one that was destroyed and comes back. It has new entities then, and a new list of subscribers. TypeORM tells nobody, so the method of this very object is
 * wrapped until {@link close}.
 */
export class DataSourceStarts {
  private readonly restores = new Map<TypeOrmDataSource, () => void>();

  constructor(private readonly started: () => void) {}

  /** May be called again. */
  follow(dataSource: TypeOrmDataSource): void {
    const target = dataSource as { initialize?: Initialize };
    if (this.restores.has(dataSource) || typeof target.initialize !== 'function') return;
    const isOwn = Object.hasOwn(target, 'initialize');
    const { initialize } = target;
    const wrapped: Initialize = async (...args) => {
      const result = await initialize.apply(dataSource, args);
      if (this.restores.has(dataSource)) this.started();
      return result;
    };
    target.initialize = wrapped;
    this.restores.set(dataSource, () => {
      if (target.initialize !== wrapped) return;
      if (isOwn) target.initialize = initialize;
      else delete target.initialize;
    });
  }

  /** Leaves the data sources as they were found. */
  close(): void {
    for (const restore of this.restores.values()) restore();
    this.restores.clear();
  }
}
