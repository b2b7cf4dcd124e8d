import { describe, expect, it } from 'vitest';
import { InvalidOptionsError } from '../../../../lib/core/errors.js';
import { describeTarget, parseConnectString } from '../../../../lib/locks/zookeeper/connect-string.js';

describe('parseConnectString', () => {
  it.each([
    ['127.0.0.1:2181', [['127.0.0.1', 2181]], ''],
    ['localhost', [['localhost', 2181]], ''],
    [
      'zk-1.example.org:2182,zk_2:2183',
      [
        ['zk-1.example.org', 2182],
        ['zk_2', 2183],
      ],
      '',
    ],
    [
      'a:1 , b:65535',
      [
        ['a', 1],
        ['b', 65_535],
      ],
      '',
    ],
    [
      '[::1]:2182,[2001:db8::1]',
      [
        ['::1', 2182],
        ['2001:db8::1', 2181],
      ],
      '',
    ],
    ['a:1/app', [['a', 1]], '/app'],
    [
      'a,b/app/cache',
      [
        ['a', 2181],
        ['b', 2181],
      ],
      '/app/cache',
    ],
    ['a:1/', [['a', 1]], ''],
  ])('reads %j', (text, servers, chroot) => {
    const target = parseConnectString(text);
    expect(target.servers.map(({ host, port }) => [host, port])).toEqual(servers);
    expect(target.chroot).toBe(chroot);
  });

  it.each([
    ['', 'a server is empty'],
    [' ', 'a server is empty'],
    ['/app', 'a server is empty'],
    ['a:1,', 'a server is empty'],
    ['a:1,,b:2', 'a server is empty'],
    [':2181', '"" is not a host name'],
    ['a b:2181', '"a b" is not a host name'],
    ['-a:2181', '"-a" is not a host name'],
    ['a:', '"" is not a port'],
    ['a:0', '"0" is not a port'],
    ['a:65536', '"65536" is not a port'],
    ['a:2181x', '"2181x" is not a port'],
    ['a:-1', '"-1" is not a port'],
    ['::1', 'several colons'],
    ['::1:2181', 'several colons'],
    ['[::1', 'several colons'],
    ['[nonsense]:2181', '"nonsense" is not an IPv6 address'],
    ['[::1]:', '"" is not a port'],
    ['[::1]2181', 'several colons'],
    ['zk://a:2181', 'begins like a URL'],
    ['user:secret@a:2181', 'the option auth'],
    ['a:1/app/', `its chroot "/app/" ends with '/'`],
    ['a:1//app', `its chroot "//app" contains '//'`],
    ['a:1/app/../x', "contains '.' or '..'"],
    ['a:1/zookeeper/x', 'belongs to ZooKeeper itself'],
    ['a:1/a b', 'contains a blank'],
    ['a:1/a\0b', 'contains a blank, a control character'],
    [`a:1/${'x'.repeat(300)}`, '255 are allowed'],
  ])('refuses %j: %s', (text, flaw) => {
    const parse = (): unknown => parseConnectString(text);
    expect(parse).toThrow(InvalidOptionsError);
    expect(parse).toThrow(flaw);
    expect(parse).toThrow("must look like 'host:port,host:port/chroot', but got");
    expect(parse).toThrow('Write for instance');
    expect(parse).not.toThrow(/secret/);
  });

  it('is described with its ports', () => {
    expect(describeTarget(parseConnectString('a,[::1],b:1/app'))).toBe('a:2181,[::1]:2181,b:1/app');
  });
});
