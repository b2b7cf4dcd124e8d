/** What the test runner is at, by the word of `progress-reporter.mjs`. */
export class Progress {
  /** By id, in the order in which they began. */
  #underWay = new Map();
  #heardAt;
  /** Errors outside of any test: each fails the run. */
  unhandled = [];

  /** @param {number} now milliseconds of any clock */
  constructor(now) {
    this.#heardAt = now;
  }

  /** @param {{ began?: string, ended?: string, name?: string, unhandled?: string, file?: string }} message */
  hear({ began, ended, name, unhandled, file }, now) {
    this.#heardAt = now;
    if (began !== undefined) this.#underWay.set(began, { name, since: now });
    if (ended !== undefined) this.#underWay.delete(ended);
    if (unhandled !== undefined) this.unhandled.push({ what: unhandled, file });
  }

  /** For how long nothing has begun or ended. */
  silentMs(now) {
    return now - this.#heardAt;
  }

  /** A line for each file and test that has begun and not ended, those that were given up left out. */
  underWay(now) {
    return [...this.#underWay.values()]
      .filter(({ givenUp }) => givenUp !== true)
      .map(({ name, since }) => `  ${name} (for ${Math.round((now - since) / 1_000)} s)`);
  }

  /** A silence is counted anew. */
  giveUp(now) {
    for (const each of this.#underWay.values()) each.givenUp = true;
    this.#heardAt = now;
  }

  /** Two lines for each test that never came to its end, and for each file whose tests never began. */
  unfinished() {
    const names = [...this.#underWay.values()].map(({ name }) => name);
    return names
      .filter((name) => !names.some((other) => other.startsWith(`${name} > `)))
      .flatMap((name) => [
        `FAILED ${name.includes(' > ') ? 'TEST' : 'FILE'} ${name}`,
        '  It did not end: its process crashed or was killed.',
      ]);
  }
}
