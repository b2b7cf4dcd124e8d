// Keeps one core busy, for as long as the process that started it lives.
const parent = process.ppid;
while (process.ppid === parent) {
  const until = performance.now() + 100;
  while (performance.now() < until);
}
