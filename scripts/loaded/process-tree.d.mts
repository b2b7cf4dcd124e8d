export interface FoundProcess {
  readonly pid: number;
  readonly state: string;
}

export declare function processesOf(marker: string): FoundProcess[];

export declare function stopAll(marker: string): number[];

export declare function resume(pids: readonly number[]): void;
