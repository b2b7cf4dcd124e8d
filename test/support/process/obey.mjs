/** Lets a test drive this process: each message names one of the commands, and is answered by its result or its error. */
export function obey(commands) {
  process.on('unhandledRejection', (error) => {
    process.send({ unhandled: String(error) });
  });
  process.on('message', ({ id, command, ...rest }) => {
    commands[command](rest).then(
      (result) => process.send({ id, result }),
      (error) => process.send({ id, error: { name: error.name, message: error.message } }),
    );
  });
}
