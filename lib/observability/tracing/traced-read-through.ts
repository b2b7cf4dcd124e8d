import type { ReadThroughParts } from '../../core/assembly.js';
import type { Answer, LoadRequest } from '../../core/load-request.js';
import { ReadThrough } from '../../core/read-through.js';
import type { CacheTracer } from '../../core/telemetry.js';
import { TracedLockProvider } from './traced-lock-provider.js';
import { TracedVersionedStore } from './traced-versioned-store.js';

/** The same story with its steps traced. Who traces nothing has the plain one, and pays nothing. */
export class TracedReadThrough extends ReadThrough {
  constructor(
    parts: ReadThroughParts,
    private readonly tracer: CacheTracer,
  ) {
    super({
      ...parts,
      store: new TracedVersionedStore(parts.store, tracer),
      locks: new TracedLockProvider(parts.locks, tracer),
    });
  }

  override getOrLoad<T>(request: LoadRequest<T>): Promise<Answer<T>> {
    const { key, loader } = request;
    const traced: LoadRequest<T> = {
      ...request,
      loader: (context) => this.tracer.step('load', key, async () => loader(context), nothing),
    };
    return this.tracer.step(
      'getOrLoad',
      key,
      () => super.getOrLoad(traced),
      ({ outcome }) => ({ outcome: outcome.toLowerCase() }),
    );
  }
}

const nothing = (): Record<string, never> => ({});
