const AsyncFunction = (async () => undefined).constructor;

// Runs a sample of the documentation, in a test's process and in those it starts.
export function runSample(source, modules) {
  const body = source.replace(/^import (\{[^}]*\}) from '([^']+)';$/gm, (_line, names, from) => {
    return `const ${names} = modules[${JSON.stringify(from)}];`;
  });
  const run = new AsyncFunction('modules', 'logger', `${body}\nreturn client;`);
  return run(modules, { warn: () => undefined });
}
