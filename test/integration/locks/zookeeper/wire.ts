/** Numbers of the operations in ZooKeeper's protocol. A request is: its length, its number, the operation, … each of four bytes. */
const OPERATIONS = { create: 1, delete: 2, get: 4, sync: 9 } as const;

/** True for a chunk that begins with such a request. */
export function isRequest(operation: keyof typeof OPERATIONS): (request: Buffer) => boolean {
  return (request) => request.length >= 12 && request.readInt32BE(8) === OPERATIONS[operation];
}
