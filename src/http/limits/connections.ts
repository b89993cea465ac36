/**
 * How many connections there may be, in all and from one address. Knows sockets only; what they carry is bounded
 * elsewhere.
 */
import { BlockList, isIPv6, type Server, type Socket } from 'node:net';

/** A few hundred megabytes of sockets and parsers; one client holds a handful of connections. */
const MAX_CONNECTIONS = 20_000;
/** More than an office behind one address has open at once. */
const MAX_PER_ADDRESS = 512;

export interface ConnectionBounds {
  /** Addresses or CIDRs; behind a proxy everybody has its address, and so has everybody on this machine. */
  readonly trustedProxies: readonly string[];
  readonly mostPerAddress?: number;
}

export function boundConnections(server: Server, bounds: ConnectionBounds): void {
  server.maxConnections = MAX_CONNECTIONS;
  const shared = sharedAddresses(bounds.trustedProxies);
  const most = bounds.mostPerAddress ?? MAX_PER_ADDRESS;
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress;
    // Without an address the peer is gone already.
    if (address === undefined || shared.check(address, familyOf(address))) return;
    const count = (open.get(address) ?? 0) + 1;
    if (count > most) {
      socket.destroy();
      return;
    }
    open.set(address, count);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
  });
}

function sharedAddresses(trustedProxies: readonly string[]): BlockList {
  const shared = new BlockList();
  for (const network of ['127.0.0.0/8', '::1', ...trustedProxies]) {
    const [address = '', prefix] = network.split('/');
    if (prefix === undefined) shared.addAddress(address, familyOf(address));
    else shared.addSubnet(address, Number(prefix), familyOf(address));
  }
  return shared;
}

/** An IPv4 peer of a socket that listens on both families looks like IPv6; BlockList knows both spellings. */
function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
