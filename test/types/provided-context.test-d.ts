import { expectTypeOf, inject, test } from 'vitest';

import '../support/global-setup.js';

test('tests are given the addresses of their servers as texts', () => {
  expectTypeOf(inject('redisUrl')).toBeString();
  expectTypeOf(inject('zooKeeperConnect')).toBeString();
  expectTypeOf(inject('postgresUrl')).toBeString();
});
