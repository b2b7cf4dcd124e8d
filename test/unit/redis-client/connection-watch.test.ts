import { EventEmitter } from 'node:events';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { connectionWatch, RedisConnectionError } from '../../../lib/redis-client/connection-watch.js';

interface ClientState {
  options?: unknown;
  isReady?: boolean;
  isOpen?: boolean;
  status?: string;
}

function watched(state: ClientState = {}) {
  const client = Object.assign(new EventEmitter(), state);
  const watch = connectionWatch(client);
  return { client, watch, detach: watch.attach() };
}

const offline = new Error('The client is offline');

describe('ConnectionWatch', () => {
  it('keeps an emitted error from being thrown', () => {
    const { client, detach } = watched();
    expect(() => client.emit('error', new Error('gone'))).not.toThrow();
    detach();
    expect(() => client.emit('error', new Error('gone'))).toThrow('gone');
    expect(client.listenerCount('ready')).toBe(0);
  });

  it('gives a command that failed the cause that the client told in an event', () => {
    const { client, watch } = watched({ isOpen: true, isReady: false });
    client.emit('error', new Error('connect ECONNREFUSED 127.0.0.1:1'));
    const error = watch.explain(offline);
    expect(error).toBeInstanceOf(RedisConnectionError);
    expect(error.message).toBe('No connection to Redis: connect ECONNREFUSED 127.0.0.1:1 (The client is offline)');
    expect(error.cause).toMatchObject({ message: 'connect ECONNREFUSED 127.0.0.1:1' });
  });

  it('forgets it when the client is ready, and believes the client that says so', () => {
    const { client, watch } = watched({ isOpen: true, isReady: false });
    client.emit('error', new Error('connect ECONNREFUSED 127.0.0.1:1'));
    client.isReady = true;
    expect(watch.error).toBeUndefined();
    client.emit('ready');
    client.isReady = false;
    expect(watch.error?.message).toMatch(/has not answered yet/);
    expect(watch.explain(offline).message).toMatch(/^No connection to Redis: .*has not answered yet/);
  });

  it.each<[ClientState, boolean]>([
    [{ isOpen: true, isReady: false }, true],
    [{ isOpen: false, isReady: false }, false],
    [{ isOpen: true, isReady: true }, false],
    [{ isOpen: true }, false],
    [{ status: 'connect' }, true],
    [{ status: 'reconnecting' }, true],
    [{ status: 'wait' }, false],
    [{ status: 'ready' }, false],
    [{}, false],
  ])('a client that has told nothing and is %j: the server has not answered: %s', (state, waits) => {
    const { watch } = watched(state);
    expect(watch.error !== undefined).toBe(waits);
    expect(watch.explain(offline).message.includes('has not answered')).toBe(waits);
  });

  it.each(['Socket closed unexpectedly', 'Connection is closed.', 'read ECONNRESET'])(
    '"%s" does not hide the reason that came before it',
    (closure) => {
      const { client, watch } = watched({ status: 'reconnecting' });
      client.emit('error', new Error('Unknown RESP type 72 "H"'));
      client.emit('error', new Error(closure));
      expect(watch.error?.message).toBe(
        'Unknown RESP type 72 "H" (what answers there does not speak the protocol of Redis)',
      );
      client.emit('error', new Error('connect ECONNREFUSED 127.0.0.1:1'));
      expect(watch.error?.message).toBe('connect ECONNREFUSED 127.0.0.1:1');
    },
  );

  it('tells what each address of a host said, and what the last node of a cluster said', () => {
    const { client, watch } = watched({ status: 'reconnecting' });
    const refused = ['::1', '127.0.0.1'].map((host) => new Error(`connect ECONNREFUSED ${host}:1`));
    client.emit('error', Object.assign(new AggregateError(refused, ''), { code: 'ECONNREFUSED' }));
    expect(watch.error).toMatchObject({
      message: 'connect ECONNREFUSED ::1:1, connect ECONNREFUSED 127.0.0.1:1',
      code: 'ECONNREFUSED',
    });
    const lastNodeError = new Error('WRONGPASS invalid username-password pair');
    client.emit('error', Object.assign(new Error('Failed to refresh slots cache.'), { lastNodeError }));
    expect(watch.error?.message).toBe('Failed to refresh slots cache: WRONGPASS invalid username-password pair');
  });

  it('leaves an answer of the server an answer', () => {
    const { client, watch } = watched({ status: 'reconnecting' });
    client.emit('error', new Error('connect ECONNREFUSED 127.0.0.1:1'));
    expect(watch.explain(new Error('OOM command not allowed'))).toMatchObject({ message: 'OOM command not allowed' });
  });

  const inOptions: [string, object, string][] = [
    ['user and password', { username: 'geheim-u', password: 'geheim-p' }, 'geheim-u geheim-p'],
    ['those of a URL', { url: 'redis://geheim-u:geheim%2Fp@h:1' }, 'geheim-u geheim/p geheim%2Fp'],
    ['those of the nodes', { redisOptions: { username: 'geheim-u', password: 'geheim-p' } }, 'geheim-u geheim-p'],
    ['those of the Sentinels', { sentinelUsername: 'geheim-u', sentinelPassword: 'geheim-p' }, 'geheim-u geheim-p'],
    ['those of a list of nodes', { nodes: [{ url: 'redis://geheim-u:geheim-p@h' }] }, 'geheim-u geheim-p'],
    ['a URL that nobody knows', {}, 'redis://geheim-u:geheim@p@h:1'],
  ];
  it.each(inOptions)('shows nothing of %s', (_, options, secrets) => {
    const { client, watch } = watched({ options, status: 'reconnecting' });
    const error = (text: string): Error =>
      Object.assign(new Error(`${text} ${secrets} end`), {
        command: { name: 'auth', args: secrets.split(' ') },
        input: secrets,
      });
    client.emit('error', error('refused'));
    const told = [watch.error, watch.explain(error('offline')), watch.explain(error('NOPERM'))];
    for (const one of told) {
      expect(inspect(one, { depth: Infinity, showHidden: true })).not.toContain('geheim');
      expect(one?.message).toMatch(/ end/);
    }
  });

  it('shows no arguments of a command that the server does not know, and leaves other words whole', () => {
    const { watch } = watched({ options: { username: 'app' } });
    const unknown = new Error("ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'u' 'geheim' ");
    expect(watch.explain(unknown).message).toBe("ERR unknown command 'HELLO'");
    expect(watch.explain(new Error('NOPERM user app may not happen')).message).toBe('NOPERM user *** may not happen');
  });
});
