import { beginLoad, live, readState, renewLoad, type EntryState } from '../../lib/core/cache-entry.js';
import { invalidateState, setState } from '../../lib/core/entry-change.js';
import { fillState, markState } from '../../lib/core/entry-fill.js';
import { TagState } from '../../lib/core/tag-state.js';
import type { Version } from '../../lib/core/version.js';
import {
  VersionedStore,
  type BeginOptions,
  type Fill,
  type Invalidation,
  type LoadMark,
  type TagOutcome,
  type TagRegistration,
  type WriterSet,
} from '../../lib/core/versioned-store.js';

/** The steps a store is made of; a mutant gets some of them wrong. */
export interface Steps {
  readonly begin: typeof beginLoad;
  readonly renew: typeof renewLoad;
  readonly fill: typeof fillState;
  readonly mark: typeof markState;
  readonly invalidate: typeof invalidateState;
  readonly set: typeof setState;
}

export const rightSteps: Steps = {
  begin: beginLoad,
  renew: renewLoad,
  fill: fillState,
  mark: markState,
  invalidate: invalidateState,
  set: setState,
};

/** The six ways to get the protocol wrong that every run of the contract suite must notice. */
export const mutants: Readonly<Record<string, Partial<Steps>>> = {
  'no lease check': {
    fill: (state, now, fill) => {
      const until = now + 1;
      return fillState({ ...state, lease: { token: fill.lease, until, loading: true } }, now, fill);
    },
  },
  'no floor': {
    fill: (state, now, fill) => {
      const step = fillState(withoutFloors(state), now, fill);
      return step.outcome.stored ? step : { state, outcome: step.outcome };
    },
  },
  'begin that replaces a live lease': {
    begin: (state, now, options) => {
      const step = beginLoad(without(state, 'lease'), now, options);
      return step.outcome.kind === 'lease' ? step : { state, outcome: step.outcome };
    },
  },
  'fill that leaves the lease': {
    fill: (state, now, fill) => {
      const step = fillState(state, now, fill);
      return step.outcome.stored && state?.lease ? { ...step, state: { ...step.state, lease: state.lease } } : step;
    },
  },
  'invalidate that keeps the lease': {
    invalidate: (state, now, invalidation) => {
      const step = invalidateState(state, now, invalidation);
      return state?.lease ? { ...step, state: { ...step.state, lease: state.lease } } : step;
    },
  },
  'equal versions refused': {
    fill: (state, now, fill) => {
      const floors = [live(state?.floor, now)?.version, state?.value?.version].filter((one) => one !== undefined);
      const equal = floors.find((floor) => isSame(floor, fill.version));
      const step = fillState(state, now, fill);
      if (equal === undefined || !step.outcome.stored || state?.value?.fillId === fill.fillId) return step;
      return { state, outcome: { stored: false, reason: 'older', floor: equal } };
    },
  },
};

/** The ways to get a writer's `set` of a value with tags wrong. */
export const taggedSetMutants: Readonly<Record<string, Partial<Steps>>> = {
  'set that does not look at the tags': {
    set: (state, now, set) => {
      const tags = state?.value?.tags;
      return setState(state, now, { ...withoutTags(set), ...(tags !== undefined && { tags }) });
    },
  },
  'set that leaves no tags': {
    set: (state, now, set) => {
      const step = setState(state, now, set);
      return step.state?.value ? { ...step, state: { ...step.state, value: withoutTags(step.state.value) } } : step;
    },
  },
  'fill that leaves no tags': {
    fill: (state, now, fill) => fillState(state, now, withoutTags(fill)),
  },
};

function withoutTags<T extends { readonly tags?: string }>({ tags: _, ...rest }: T): Omit<T, 'tags'> {
  return rest;
}

/** The ways to get the lease wrong where it serves as the lock. */
export const leaseLockMutants: Readonly<Record<string, Partial<Steps>>> = {
  'begin that prolongs the word of whoever loads': {
    begin: (state, now, options) => beginLoad(state, now, { ...options, unlessLoading: false }),
  },
  'a load that is believed as long as its lease': {
    begin: (state, now, { loadingMs: _, ...options }) => beginLoad(state, now, options),
  },
  'renew under any lease': {
    renew: (state, now, args) => renewLoad(state, now, { ...args, lease: state?.lease?.token ?? args.lease }),
  },
};

function isSame(a: Version, b: Version | undefined): boolean {
  return a.kind === b?.kind && a.order === b.order;
}

function without(state: EntryState | undefined, ...names: readonly (keyof EntryState)[]): EntryState | undefined {
  return (
    state && Object.fromEntries(Object.entries(state).filter(([name]) => !names.includes(name as keyof EntryState)))
  );
}

function withoutFloors(state: EntryState | undefined): EntryState | undefined {
  const rest = without(state, 'floor', 'value');
  if (rest === undefined || state?.value === undefined) return rest;
  const { payload, freshUntil, keptUntil, fillId } = state.value;
  return { ...rest, value: { payload, freshUntil, keptUntil, ...(fillId !== undefined && { fillId }) } };
}

/** The steps of a tag, which a mutant may take in several turns. */
export interface TagSteps {
  register(state: TagState, now: number, registration: TagRegistration): TagOutcome | Promise<TagOutcome>;
  announce(state: TagState, now: number, memoryMs: number): readonly string[] | Promise<readonly string[]>;
}

export const rightTagSteps: TagSteps = {
  register: (state, now, registration) => state.register(now, registration),
  announce: (state, now, memoryMs) => state.announce(now, memoryMs),
};

const aTurn = () => new Promise((resolve) => setImmediate(resolve));

/** The ways to get tags wrong that every run of the contract suite must notice. */
export const tagMutants: Readonly<Record<string, Partial<TagSteps>>> = {
  'no registration': { register: () => ({ registered: true }) },
  'a look for announcements, and then the registration': {
    register: async (state, now, registration) => {
      const looked = new TagState(new Map(state.keys), state.announced).register(now, registration);
      await aTurn();
      return looked.registered ? new TagState(state.keys).register(now, registration) : looked;
    },
  },
  'no look for announcements': {
    register: (state, now, registration) => new TagState(state.keys).register(now, registration),
  },
  'a registration that was read at an unknown time is always taken': {
    register: (state, now, registration) =>
      registration.begunAt === undefined
        ? new TagState(state.keys).register(now, registration)
        : state.register(now, registration),
  },
  'keys that are read before the announcement is written': {
    announce: async (state, now, memoryMs) => {
      const keys = new TagState(state.keys).announce(now, memoryMs);
      await aTurn();
      state.announce(now, memoryMs);
      return keys;
    },
  },
  'keys that are forgotten when they are told': {
    announce: (state, now, memoryMs) => {
      const keys = state.announce(now, memoryMs);
      state.keys.clear();
      return keys;
    },
  },
};

/** A store of given steps over a plain map, on a clock that is read from outside. */
export class SteppedStore extends VersionedStore {
  readonly name = 'stepped';
  readonly scope = 'process';
  readonly states = new Map<string, EntryState>();
  private readonly tags = new Map<string, TagState>();

  constructor(
    private readonly nowMs: () => number,
    private readonly steps: Steps,
    private readonly tagSteps: TagSteps = rightTagSteps,
  ) {
    super();
  }

  read(key: string) {
    return Promise.resolve(readState(this.states.get(key), this.nowMs()));
  }

  begin(key: string, options: BeginOptions) {
    return this.#keep(key, this.steps.begin(this.states.get(key), this.nowMs(), options));
  }

  override renew(key: string, lease: string, loadingMs: number) {
    return this.#keep(key, this.steps.renew(this.states.get(key), this.nowMs(), { lease, loadingMs }));
  }

  fill(key: string, fill: Fill) {
    return this.#keep(key, this.steps.fill(this.states.get(key), this.nowMs(), fill));
  }

  mark(key: string, lease: string, mark: LoadMark, forMs: number) {
    return this.#keep(key, this.steps.mark(this.states.get(key), this.nowMs(), { lease, mark, forMs }));
  }

  invalidate(key: string, invalidation: Invalidation) {
    return this.#keep(key, this.steps.invalidate(this.states.get(key), this.nowMs(), invalidation));
  }

  set(key: string, set: WriterSet) {
    return this.#keep(key, this.steps.set(this.states.get(key), this.nowMs(), set));
  }

  async register(tag: string, registration: TagRegistration) {
    return this.tagSteps.register(this.#tag(tag), this.nowMs(), registration);
  }

  async announce(tag: string, memoryMs: number) {
    return this.tagSteps.announce(this.#tag(tag), this.nowMs(), memoryMs);
  }

  clear() {
    this.tags.clear();
    this.states.clear();
    return Promise.resolve();
  }

  close() {
    return Promise.resolve();
  }

  #tag(tag: string): TagState {
    const state = this.tags.get(tag) ?? new TagState();
    this.tags.set(tag, state);
    return state;
  }

  #keep<Outcome>(
    key: string,
    { state, outcome }: { state: EntryState | undefined; outcome: Outcome },
  ): Promise<Outcome> {
    if (state === undefined) this.states.delete(key);
    else this.states.set(key, state);
    return Promise.resolve(outcome);
  }
}
