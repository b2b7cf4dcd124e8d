import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

interface Message {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly name: string; readonly message: string };
  readonly event?: string;
  readonly key?: string;
  readonly unhandled?: string;
}

interface Watch {
  look(): void;
  giveUp(reason: Error): void;
}

/** Longer than a loaded machine needs for the orderly end of an application or a process. */
const END_MS = 60_000;

/**
 * An operating-system process that a test drives by messages. Its application is opened with
 * settings and closed again, any number of times. The process itself costs a second of CPU time:
 * nearly all of it is imports.
 */
export abstract class DrivenProcess<Settings extends object> {
  private readonly child: ChildProcess;
  private readonly exit: Promise<number | null>;
  private readonly pending = new Map<number, (message: Message) => void>();
  private readonly watches = new Set<Watch>();
  private readonly heard: string[] = [];
  private readonly unhandled: string[] = [];
  private ids = 0;
  private gone = false;

  protected constructor(fixture: string) {
    const path = fileURLToPath(new URL(fixture, import.meta.url));
    this.child = fork(path, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.child.on('message', (message: Message) => {
      this.hear(message);
    });
    this.exit = new Promise((resolve) => {
      this.child.once('exit', (code) => {
        this.gone = true;
        const error = { name: 'Exit', message: 'the process ended' };
        for (const answer of this.pending.values()) answer({ error });
        for (const watch of this.watches) watch.giveUp(new Error(error.message));
        resolve(code);
      });
    });
  }

  /** Killed by the test, or ended by itself. */
  get hasEnded(): boolean {
    return this.gone;
  }

  /** Something it was asked for is not answered yet. */
  get isBusy(): boolean {
    return this.pending.size > 0;
  }

  async open(settings: Settings): Promise<void> {
    await this.ask('open', settings);
  }

  /** Closes the application as Nest closes it. A process that is not busy is then as good as a new one. */
  async closeApplication(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`The application did not close within ${String(END_MS / 1_000)} s.`));
      }, END_MS);
    });
    await Promise.race([this.ask('close', {}), late]).finally(() => {
      clearTimeout(timer);
    });
    this.forget();
    this.watches.clear();
  }

  /** Resolves when an event of that type has been heard `times` times since the last `forget()`. */
  until(type: string, times = 1): Promise<void> {
    return new Promise((resolve, reject) => {
      const watch: Watch = {
        look: () => {
          if (this.heard.filter((each) => each === type).length < times) return;
          this.watches.delete(watch);
          resolve();
        },
        giveUp: reject,
      };
      this.watches.add(watch);
      watch.look();
    });
  }

  forget(): void {
    this.heard.length = 0;
  }

  /** The rejections that nobody handled, since they were last taken. */
  takeUnhandled(): string[] {
    return this.unhandled.splice(0);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exit;
  }

  /** Lets the process end by itself, which it does when nothing is left to do. Resolves with its exit code. */
  async end(): Promise<number | null> {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), END_MS);
    this.child.disconnect();
    const code = await this.exit;
    clearTimeout(timer);
    return code;
  }

  protected ask<T>(command: string, rest: object): Promise<T> {
    if (this.gone) return Promise.reject(new Error(`The process has ended, so it cannot ${command}.`));
    const id = ++this.ids;
    return new Promise<T>((resolve, reject) => {
      this.pending.set(id, ({ result, error }) => {
        this.pending.delete(id);
        if (error === undefined) resolve(result as T);
        else reject(Object.assign(new Error(error.message), { name: error.name }));
      });
      this.child.send({ id, command, ...rest });
    });
  }

  private hear(message: Message): void {
    if (message.id !== undefined) this.pending.get(message.id)?.(message);
    if (message.unhandled !== undefined) this.unhandled.push(message.unhandled);
    if (message.event === undefined) return;
    this.heard.push(message.event);
    for (const watch of [...this.watches]) watch.look();
  }
}
