import { existsSync, readFileSync } from 'node:fs';

/** Whether the process is there and alive. */
export function running(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // A zombie still has a pid; where there is no /proc, being there is all we can tell.
  const stat = `/proc/${String(pid)}/stat`;
  return !existsSync(stat) || !readFileSync(stat, 'latin1').includes(') Z ');
}
