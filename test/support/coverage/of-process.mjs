// Loaded into every process of a run with coverage. An application that was told to end passes the signal on to itself when it has closed everything, and
// dies of it: what it has run must be written before.
import { takeCoverage } from 'node:v8';

const kill = process.kill.bind(process);

process.kill = (pid, signal) => {
  if (pid === process.pid && signal !== 0) takeCoverage();
  return kill(pid, signal);
};
