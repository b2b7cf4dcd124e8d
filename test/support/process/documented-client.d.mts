/**
 * Runs a sample of the documentation that makes a `client`: what it imports comes from `modules`, `logger` hears of the client's errors.
 */
export function runSample(source: string, modules: Readonly<Record<string, unknown>>): Promise<unknown>;
