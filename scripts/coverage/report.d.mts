export interface Count {
  readonly total: number;
  readonly covered: number;
  readonly pct: number;
}

/** Istanbul's totals. */
export type Totals = Readonly<Record<'statements' | 'branches' | 'functions' | 'lines', Count>>;

export function reportCoverage(options: { written: string; built: string; output: string }): Promise<Totals>;
