/**
 * Alerts in words: what a person reads on a telephone at night. Names an account by the name its operator gave it, but
 * never by an e-mail address, and knows no channel.
 */
import type { AccountSnapshot, Alert, Event, PoolSnapshot } from './incidents.ts';

export interface AlertText {
  readonly event: Event | 'test';
  /** ASCII, because some channels carry it in a header. */
  readonly title: string;
  readonly text: string;
  readonly at: number;
  readonly accountId?: string | undefined;
  readonly availableAt?: number | undefined;
}

const TITLES: Readonly<Record<AlertText['event'], string>> = {
  account_exhausted: 'Account out of quota',
  account_back: 'Account back',
  login_needed: 'Login needed',
  pool_exhausted: 'No account can serve',
  pool_back: 'Turns are served again',
  disk_trouble: 'Database not writable',
  disk_back: 'Database writable again',
  test: 'Test',
};

export function alertText({ event, account }: Alert, snapshot: PoolSnapshot): AlertText {
  return {
    event,
    title: TITLES[event],
    text: textOf(event, account, snapshot),
    at: snapshot.at,
    accountId: account?.id,
    availableAt: availableAtOf(event, account, snapshot),
  };
}

export function testAlert(at: number): AlertText {
  return {
    event: 'test',
    title: TITLES.test,
    text: 'This is a test: notifications of respool arrive here.',
    at,
  };
}

function textOf(event: Event, account: AccountSnapshot | undefined, snapshot: PoolSnapshot): string {
  const name = account === undefined ? '' : nameOf(account);
  const until = availableAtOf(event, account, snapshot);
  const when = until === undefined ? undefined : clockTime(until, snapshot.at);
  switch (event) {
    case 'account_exhausted':
      return `Account ${name} is out of quota${when === undefined ? '' : ` until ${when}`}; ${share(snapshot)}.`;
    case 'account_back':
      return `Account ${name} is back; ${share(snapshot)}.`;
    case 'login_needed':
      return `Account ${name} is refused upstream and needs a new login or key; ${share(snapshot)}.`;
    case 'pool_exhausted':
      return `No account can serve; ${when === undefined ? 'none comes back by itself' : `the first is back at ${when}`}.`;
    case 'pool_back':
      return `Turns are served again; ${share(snapshot)}.`;
    case 'disk_trouble':
      return 'The database takes no writes; records wait in memory. Check the space and the rights of the data directory.';
    case 'disk_back':
      return 'The database takes writes again.';
  }
}

function availableAtOf(
  event: Event,
  account: AccountSnapshot | undefined,
  snapshot: PoolSnapshot,
): number | undefined {
  if (event === 'account_exhausted') return account?.availableAt;
  if (event !== 'pool_exhausted') return undefined;
  const times = snapshot.accounts
    .filter(({ status }) => status !== 'paused' && status !== 'needs_login')
    .map(({ availableAt }) => availableAt)
    .filter((time) => time !== undefined);
  return times.length === 0 ? undefined : Math.min(...times);
}

function share({ accounts }: PoolSnapshot): string {
  const ready = accounts.filter(({ status }) => status === 'ready').length;
  return `${ready} of ${accounts.length} accounts can serve`;
}

/** An imported login is named after its e-mail address when nobody chose a name, and a key is easily pasted. */
const PRIVATE = /@|^(sk-|rsp_|rt[-_]|eyJ)/i;

function nameOf({ id, name }: AccountSnapshot): string {
  const plain = name.replaceAll(/\p{C}+/gu, ' ').trim();
  return plain === '' || PRIVATE.test(plain) ? id : plain;
}

const MINUTE_MS = 60_000;

/** Rounded up: at the minute that is named, it is over. */
function clockTime(at: number, now: number): string {
  const text = new Date(Math.ceil(at / MINUTE_MS) * MINUTE_MS).toISOString();
  const [day, time] = [text.slice(0, 10), text.slice(11, 16)];
  const today = new Date(now).toISOString().slice(0, 10);
  return day === today ? `${time} UTC` : `${day} ${time} UTC`;
}
