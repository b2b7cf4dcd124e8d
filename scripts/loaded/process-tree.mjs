// The processes of a run, found in /proc: Linux only.
import { readFileSync, readdirSync } from 'node:fs';

/** `pid (name) state parent …`; the name may hold spaces and brackets. */
function statOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { pid, state, parent: Number(parent) };
}

function isRunning(pid) {
  try {
    return !'TtZX'.includes(statOf(pid).state);
  } catch {
    return false;
  }
}

function allProcesses() {
  return readdirSync('/proc').flatMap((name) => {
    try {
      return /^\d+$/.test(name) ? [statOf(Number(name))] : [];
    } catch {
      // It ended between the two looks.
      return [];
    }
  });
}

/** What a process was started with; a server that writes its title over it, and one of another user, have none. */
function environmentOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  } catch {
    return [];
  }
}

/**
 * Every process with `marker` in its environment and all their descendants. A server whose parent has died still has the marker.
 * @param {string} marker such as `NAME=value`
 * @returns {{ pid: number, state: string }[]}
 */
export function processesOf(marker) {
  const all = allProcesses();
  const found = new Set(all.filter(({ pid }) => environmentOf(pid).includes(marker)).map(({ pid }) => pid));
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  return all.filter(({ pid }) => found.has(pid));
}

/**
 * Stops all processes of the run together, as a host does that takes its virtual CPUs away.
 * @returns {number[]} those that this call has stopped: one that a test had stopped already is none of them
 */
export function stopAll(marker) {
  const stopped = new Set();
  // What was forked during one round is found by the next.
  for (let fresh = -1; fresh !== 0;) {
    const known = processesOf(marker).filter(({ pid }) => !stopped.has(pid));
    // Looked at again in the last moment: meanwhile a test may have stopped it, and would find it running later.
    const hit = known.filter(({ pid }) => isRunning(pid) && signal(pid, 'SIGSTOP'));
    for (const { pid } of hit) stopped.add(pid);
    fresh = hit.length;
  }
  return [...stopped];
}

export function resume(pids) {
  for (const pid of pids) signal(pid, 'SIGCONT');
}

function signal(pid, name) {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}
