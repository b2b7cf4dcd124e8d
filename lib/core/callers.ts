/** How many callers are on their way to an answer. A hit passes here too: two additions are all that it pays. */
export class Callers {
  private count = 0;
  private readonly onNone: (() => void)[] = [];

  come(): void {
    this.count++;
  }

  go(): void {
    this.count--;
    if (this.count > 0) return;
    for (const tell of this.onNone.splice(0)) tell();
  }

  /** Resolves as soon as there is none. */
  none(): Promise<void> {
    if (this.count === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.onNone.push(resolve);
    });
  }
}
