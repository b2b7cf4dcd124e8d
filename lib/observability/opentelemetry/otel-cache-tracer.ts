import { CacheTracer, type StepFacts, type TracedStep } from '../../core/telemetry.js';
import type { AttributeSets } from './attribute-sets.js';
import { BoundedNames, errorName } from './bounded-names.js';
import { PREFIX } from './instruments.js';
import type { OtelApi, OtelContext, OtelSpan, OtelTracer } from './otel-api.js';

/** Names of spans are for all keys alike; which key it was is an attribute, if anything. */
export const SPAN_NAMES: Readonly<Record<TracedStep, string>> = {
  getOrLoad: 'cache getOrLoad',
  lock: 'cache lock',
  wait: 'cache wait',
  load: 'cache load',
  fill: 'cache fill',
  invalidate: 'cache invalidate',
};

const MAX_ERROR_TYPES = 50;

/** Steps as spans. Each is a child of the span that is active where the step begins, and active itself while it runs. */
export class OtelCacheTracer extends CacheTracer {
  private readonly errorTypes = new BoundedNames(MAX_ERROR_TYPES);

  constructor(
    private readonly api: OtelApi,
    private readonly tracer: OtelTracer,
    private readonly attributes: AttributeSets,
    private readonly keysInSpans: boolean,
  ) {
    super();
  }

  step<T>(step: TracedStep, key: string, work: () => Promise<T>, facts: (result: T) => StepFacts): Promise<T> {
    const { context, trace } = this.api;
    const parent = context.active();
    const span = this.tracer.startSpan(SPAN_NAMES[step], { attributes: this.attributes.of({}, key) }, as(parent));
    // No SDK is registered: there is nothing to tell anybody, and nothing to hand on.
    if (!span.isRecording() && !this.api.isSpanContextValid(as(span.spanContext()))) return work();
    if (this.keysInSpans) span.setAttribute(`${PREFIX}key`, key);
    return this.ended(step, span, context.with(as(trace.setSpan(as(parent), as(span))), work), facts);
  }

  private async ended<T>(
    step: TracedStep,
    span: OtelSpan,
    work: Promise<T>,
    facts: (result: T) => StepFacts,
  ): Promise<T> {
    try {
      const result = await work;
      for (const [name, value] of Object.entries(facts(result)))
        span.setAttribute(`${PREFIX}${GROUPS[step]}.${name}`, value);
      return result;
    } catch (error) {
      span.setAttribute('error.type', this.errorTypes.of(errorName(error)));
      span.setStatus({ code: this.api.SpanStatusCode.ERROR, message: String(error) });
      span.recordException(error instanceof Error ? error : String(error));
      throw error;
    } finally {
      span.end();
    }
  }
}

/** The attributes of a step are called as those of the metrics are. */
const GROUPS: Readonly<Record<TracedStep, string>> = {
  getOrLoad: 'request',
  lock: 'lock',
  wait: 'wait',
  load: 'load',
  fill: 'fill',
  invalidate: 'change',
};

/** The slices of the library's types take only what the library itself has given. */
function as(own: OtelContext): never {
  return own as never;
}
