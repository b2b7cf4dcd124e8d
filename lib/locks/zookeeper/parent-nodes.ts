import { parentOf } from './node-path.js';
import { ZkCode } from './zk-client-port.js';
import type { ZooKeeperSession } from './zoo-keeper-session.js';

/** The persistent nodes above the locks. Made when a lock's creation misses them, never deleted. */
export class ParentNodes {
  readonly #session: ZooKeeperSession;
  readonly #leaf: string;
  /** What is protected, deepest first; empty for nothing. */
  readonly #toProtect: readonly string[];
  #isProtected: boolean;

  /** @param root protected together with everything between it and `leaf`; left out: nothing is */
  constructor(session: ZooKeeperSession, leaf: string, root?: string) {
    this.#session = session;
    this.#leaf = leaf;
    this.#toProtect = root === undefined ? [] : upwards(leaf, root);
    this.#isProtected = this.#toProtect.length === 0;
  }

  /** False until `make` has been called, where the nodes have to be protected before the first lock. */
  get ready(): boolean {
    return this.#isProtected;
  }

  /** The code of the first failure, or 0. */
  async make(): Promise<number> {
    const made = await this.#make(this.#leaf);
    if (made !== ZkCode.ok) return made;
    for (const path of this.#toProtect) {
      const code = await this.#session.protect(path);
      if (code !== ZkCode.ok) return code;
    }
    this.#isProtected = true;
    return ZkCode.ok;
  }

  /** From below: who may create a lock need not be allowed to touch the nodes far above it. */
  async #make(path: string): Promise<number> {
    const code = await this.#session.createPersistent(path);
    if (code === ZkCode.nodeExists) return ZkCode.ok;
    const parent = parentOf(path);
    if (code !== ZkCode.noNode || parent === '') return code;
    const above = await this.#make(parent);
    return above === ZkCode.ok ? this.#make(path) : above;
  }
}

function upwards(leaf: string, root: string): string[] {
  const paths: string[] = [];
  for (let path = leaf; path.length >= root.length && path !== ''; path = parentOf(path)) paths.push(path);
  return paths;
}
