import { connect } from 'node:net';

/** What a ZooKeeper server has counted since it started. A ping counts as a read, a new session as a write. */
export interface ZooKeeperCounters {
  /** Requests answered from memory: get, exists, getChildren. */
  readonly reads: number;
  /** Requests that went through the log: create, delete, setData. */
  readonly writes: number;
  readonly nodes: number;
  readonly watches: number;
  /** Nodes that end with their session. */
  readonly ephemerals: number;
  /** Of an ensemble its leader alone counts them. */
  readonly sessions: number;
}

/** Asks by the four-letter word `mntr`; counting costs the server nothing, and asking is not counted. */
export async function zooKeeperCounters(port: number): Promise<ZooKeeperCounters> {
  const lines = (await fourLetterWord(port, 'mntr')).split('\n').map((line) => line.split('\t'));
  const counters = new Map(lines.map(([name = '', value = '']) => [name, Number(value)]));
  const counter = (name: string): number => {
    const value = counters.get(name);
    if (value === undefined || Number.isNaN(value)) {
      throw new Error(`ZooKeeper's mntr has no number ${name}: expected ZooKeeper 3.6 or newer, with mntr allowed.`);
    }
    return value;
  };
  return {
    reads: counter('zk_cnt_readlatency'),
    writes: counter('zk_cnt_updatelatency'),
    nodes: counter('zk_znode_count'),
    watches: counter('zk_watch_count'),
    ephemerals: counter('zk_ephemerals_count'),
    sessions: counter('zk_global_sessions'),
  };
}

/** The server answers in several pieces and then closes the connection. */
function fourLetterWord(port: number, word: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(word));
    socket.setTimeout(10_000, () => socket.destroy(new Error(`ZooKeeper did not answer ${word} within 10 s`)));
    socket.on('data', (piece) => (answer += piece.toString('latin1')));
    socket.once('error', reject);
    socket.once('close', () => {
      resolve(answer);
    });
  });
}
