// node zoo-keeper-operator.mjs CONNECT refuse|allow|remove PATH: what an operator does to a node.
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';

const ZooKeeper = createRequire(import.meta.url)('zookeeper');
const [connect, operation, path] = process.argv.slice(2);

const SECRET = 'operator:secret';
const digest = `operator:${createHash('sha1').update(SECRET).digest('base64')}`;
const [READ, ALL] = [1, 31];

const client = new ZooKeeper({ connect, timeout: 10_000 });
await new Promise((resolve, reject) => client.connect({}, (error) => (error ? reject(error) : resolve())));
client.add_auth('digest', SECRET, () => undefined);

const call = (method, ...args) =>
  new Promise((resolve) => client[method](...args, (code, _text, result) => resolve({ code, result })));

/** With all that it stands on, whatever of it is there already. */
async function make(node) {
  const parts = node.split('/').slice(1);
  for (let length = 1; length <= parts.length; length++)
    await call('a_create', `/${parts.slice(0, length).join('/')}`, '', 0);
}

async function remove(node) {
  const { result: children } = await call('a_get_children', node, false);
  for (const child of children ?? []) await remove(`${node}/${child}`);
  await call('a_delete_', node, -1);
}

const operations = {
  refuse: async () => {
    await make(path);
    return call('a_set_acl', path, -1, [
      { perms: READ, scheme: 'world', auth: 'anyone' },
      { perms: ALL, scheme: 'digest', auth: digest },
    ]);
  },
  allow: () => call('a_set_acl', path, -1, [{ perms: ALL, scheme: 'world', auth: 'anyone' }]),
  remove: () => remove(path),
};
const outcome = await operations[operation]();
client.close();
process.exit(outcome?.code ? 1 : 0);
