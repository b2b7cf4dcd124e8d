import { systemClock } from '../core/clock.js';
import { Deadline, withDeadline } from '../core/deadline.js';

const DEADLINE_MS = 1_000;
const MOST_QUESTIONS = 12;

interface Answering {
  readonly isReady?: boolean;
  sendCommand(args: string[]): Promise<unknown>;
}

/** What of a cluster client of node-redis tells who serves which slots, and asks any of the nodes. */
export interface ClusterTopologySlice {
  readonly masters: readonly unknown[];
  readonly slots: readonly ({ readonly master: { readonly address: string } } | undefined)[];
  sendCommand(firstKey: string | undefined, isReadonly: boolean, args: string[]): Promise<unknown>;
}

/**
 * Lets a cluster client of node-redis notice that a replica has taken over. It asks who serves which slots when a node answers MOVED; but
 * 1. a master dies; 2. its replica takes over; 3. versions 4 and 5 go on sending to the dead master, which says nothing at all (6 looks every few seconds).
 * So where there is trouble the living nodes are asked, and when the first to answer knows better than the client, any key is looked for on any node: one that
 * does not have it answers MOVED.
 */
export class ClusterTopology {
  readonly #cluster: ClusterTopologySlice;
  #refreshing: Promise<void> | undefined;

  constructor(cluster: ClusterTopologySlice) {
    this.#cluster = cluster;
  }

  /** The answer to a command on that key. */
  watch<T>(key: string, answer: Promise<T>): Promise<T> {
    return onTrouble(answer, () => {
      this.#startRefresh(key);
    });
  }

  #startRefresh(key: string): void {
    this.#refreshing ??= this.#refresh(key)
      .catch(() => undefined)
      .finally(() => {
        this.#refreshing = undefined;
      });
  }

  async #refresh(key: string): Promise<void> {
    for (let asked = 0; asked < MOST_QUESTIONS && (await this.#isOutdated()); asked += 1) {
      await inTime(this.#cluster.sendCommand(undefined, false, ['HGET', key, 'lease'])).catch(() => undefined);
    }
  }

  async #isOutdated(): Promise<boolean> {
    const open = this.#cluster.masters.map(clientOf).filter((client) => client !== undefined);
    // All of them: one that is frozen looks alive from here, and does not answer.
    const told = await inTime(Promise.any(open.map((client) => client.sendCommand(['CLUSTER', 'SLOTS']))));
    if (!Array.isArray(told)) return false;
    return told.some((range: unknown) => {
      const [first, , master] = range as [unknown, unknown, readonly unknown[]];
      return this.#cluster.slots[Number(first)]?.master.address !== `${String(master[0])}:${String(master[1])}`;
    });
  }
}

/** The answer to a command. A failure, or none within a second (a master that is frozen, or a queue that waits for it), is trouble. */
export async function onTrouble<T>(answer: Promise<T>, act: () => void): Promise<T> {
  const deadline = new Deadline(systemClock, DEADLINE_MS, act);
  try {
    return await answer;
  } catch (error) {
    act();
    throw error;
  } finally {
    deadline.end();
  }
}

/** A node that was never reached has a promise for a client, or nothing. */
function clientOf(node: unknown): Answering | undefined {
  const { client } = node as { readonly client?: Answering };
  return client?.isReady === true ? client : undefined;
}

function inTime<T>(answer: Promise<T>): Promise<T> {
  return withDeadline(systemClock, answer, DEADLINE_MS, () => new Error('no answer in time'));
}
