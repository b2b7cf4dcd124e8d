/** A place where a staged race stops: `arrived` tells that somebody stands there, `open` lets everybody through. */
export class Gate {
  readonly arrived: Promise<void>;
  private readonly passage: Promise<void>;
  private arrive!: () => void;
  open!: () => void;

  constructor() {
    this.arrived = new Promise((resolve) => (this.arrive = resolve));
    this.passage = new Promise((resolve) => (this.open = resolve));
  }

  pass(): Promise<void> {
    this.arrive();
    return this.passage;
  }
}

/** A promise and the two ways to settle it. */
export function deferred<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (reason: unknown) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
