export interface ProgressMessage {
  readonly began?: string;
  readonly ended?: string;
  readonly name?: string;
  readonly unhandled?: string;
  readonly file?: string;
}

export declare class Progress {
  readonly unhandled: readonly { readonly what: string; readonly file?: string | undefined }[];
  constructor(now: number);
  hear(message: ProgressMessage, now: number): void;
  silentMs(now: number): number;
  underWay(now: number): string[];
  giveUp(now: number): void;
  unfinished(): string[];
}
