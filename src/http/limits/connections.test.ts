import { EventEmitter } from 'node:events';
import type { Server } from 'node:net';
import { expect, test } from 'vitest';
import { boundConnections } from './connections.ts';

class Peer extends EventEmitter {
  state: 'open' | 'refused' = 'open';
  readonly remoteAddress: string;

  constructor(remoteAddress: string) {
    super();
    this.remoteAddress = remoteAddress;
  }

  destroy(): void {
    this.state = 'refused';
  }
}

function server(trustedProxies: readonly string[] = []) {
  const emitter = new EventEmitter();
  boundConnections(emitter as Server, { trustedProxies, mostPerAddress: 2 });
  return (address: string): Peer => {
    const peer = new Peer(address);
    emitter.emit('connection', peer);
    return peer;
  };
}

test('one address gets so many connections, and a closed one makes room', () => {
  const arrive = server();
  const first = arrive('203.0.113.1');
  arrive('203.0.113.1');
  expect(arrive('203.0.113.1').state).toBe('refused');
  expect(arrive('203.0.113.2').state).toBe('open');
  first.emit('close');
  expect(arrive('203.0.113.1').state).toBe('open');
  expect(arrive('203.0.113.1').state).toBe('refused');
});

test.each(['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1', '10.1.2.3', '::ffff:10.1.2.3', 'fd00::7'])(
  'everybody may come from %s, the address of a proxy or of this machine',
  (address) => {
    const arrive = server(['10.0.0.0/8', 'fd00::7']);
    expect([1, 2, 3, 4].map(() => arrive(address).state)).toEqual(['open', 'open', 'open', 'open']);
  },
);
