import { expect, test } from 'vitest';
import type { AccountStatus } from '../../admin-api/account.ts';
import type { AccountId } from '../../domain/ids.ts';
import { alertText } from './alert-text.ts';
import type { AccountSnapshot, Event } from './incidents.ts';

const at = Date.UTC(2026, 0, 5, 12);
const HOUR = 3_600_000;

const account = (name: string, status: AccountStatus, availableAt?: number): AccountSnapshot => ({
  id: `acc_${name.length}` as AccountId,
  name,
  status,
  availableAt,
});

const work = account('work', 'exhausted', at + 2 * HOUR + 20 * 60_000 - 10_000);
const refused = account('lab', 'needs_login', at - HOUR);
const snapshot = {
  at,
  accounts: [work, account('home', 'ready'), account('lab', 'ready')],
  disk: 'writable' as const,
};

const TEXTS: readonly [Event, AccountSnapshot | undefined, readonly AccountSnapshot[], string][] = [
  [
    'account_exhausted',
    work,
    snapshot.accounts,
    'Account work is out of quota until 14:20 UTC; 2 of 3 accounts can serve.',
  ],
  [
    'account_exhausted',
    account('work', 'exhausted', at + 24 * HOUR),
    snapshot.accounts,
    'Account work is out of quota until 2026-01-06 12:00 UTC; 2 of 3 accounts can serve.',
  ],
  [
    'account_exhausted',
    account('work', 'exhausted'),
    snapshot.accounts,
    'Account work is out of quota; 2 of 3 accounts can serve.',
  ],
  [
    'account_back',
    account('home', 'ready'),
    snapshot.accounts,
    'Account home is back; 2 of 3 accounts can serve.',
  ],
  [
    'login_needed',
    refused,
    [refused],
    'Account lab is refused upstream and needs a new login or key; 0 of 1 accounts can serve.',
  ],
  ['pool_exhausted', undefined, [refused, work], 'No account can serve; the first is back at 14:20 UTC.'],
  ['pool_exhausted', undefined, [refused], 'No account can serve; none comes back by itself.'],
  ['pool_back', undefined, snapshot.accounts, 'Turns are served again; 2 of 3 accounts can serve.'],
];

test.each(TEXTS)('%s is told in one sentence (%#)', (event, about, accounts, text) => {
  expect(alertText({ event, account: about }, { ...snapshot, accounts }).text).toBe(text);
});

test.each(['ada@example.com', 'Ada <ada@example.com>', 'sk-proj-1234', '\n'])(
  'an account called %j is told of by its id',
  (name) => {
    const { text } = alertText({ event: 'account_back', account: account(name, 'ready') }, snapshot);
    expect(text).toContain(`Account acc_${name.length} is back`);
  },
);

test('a name cannot break the line', () => {
  const { text } = alertText({ event: 'account_back', account: account('a\r\nb', 'ready') }, snapshot);
  expect(text).toContain('Account a b is back');
});
