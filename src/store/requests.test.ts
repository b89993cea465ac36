import { expect, test } from 'vitest';
import { requestRow, temporaryStore, transcriptNode, turnOf } from '../../test/support/temporary-store.ts';
import type { AccountId, ResponseId, SessionId, Tenant } from '../domain/ids.ts';
import { LOCAL } from '../domain/ids.ts';
import type { RequestRow } from '../domain/request.ts';
import { requestToWire } from './request-row.ts';

const id = (text: string) => text as ResponseId;

const FULL = {
  id: 'req_full',
  at: 1_700_000_000_999,
  tenant: 'key_1' as Tenant,
  session: 'session 1' as SessionId,
  door: 'ws',
  route: 'responses',
  model: 'some-model',
  status: 'incomplete',
  responseId: id('resp_full'),
  previousResponseId: 'resp_before',
  accountId: 'acc_1' as AccountId,
  accountReason: 'pin',
  continuity: 'snapshot',
  attempts: [
    {
      accountId: 'acc_0' as AccountId,
      transport: 'http',
      outcome: 'failed',
      errorClass: 'quota',
      errorCode: 'x',
      ms: 5,
    },
    { accountId: 'acc_1' as AccountId, transport: 'ws', outcome: 'completed', ms: 7 },
  ],
  error: { code: 'c', message: 'm' },
  droppedParams: ['temperature'],
  inputTokens: 1,
  cachedTokens: 0,
  outputTokens: 3,
  reasoningTokens: 4,
  firstEventMs: 0,
  totalMs: 6,
} satisfies Required<RequestRow>;

test('a row comes back with every field, and an absent field stays absent', async () => {
  await using temporary = await temporaryStore();
  const bare = requestRow({ id: 'req_bare', status: 'failed' });
  await temporary.store.commitTurn({ row: FULL, stored: true });
  await temporary.store.commitTurn({ row: bare, stored: false });
  expect(temporary.store.requests.get('req_full')).toEqual(FULL);
  expect(temporary.store.requests.get('req_bare')).toEqual(bare);
  expect(temporary.store.requests.get('other')).toBeUndefined();
});

test('on the wire a row is snake_case with Unix seconds and null for what is not known', () => {
  expect(requestToWire(FULL)).toMatchObject({
    at: 1_700_000_000,
    response_id: 'resp_full',
    attempts: [{ account_id: 'acc_0', error_class: 'quota', error_code: 'x' }, { outcome: 'completed' }],
    dropped_params: ['temperature'],
    first_event_ms: 0,
  });
  const bare = requestToWire(requestRow({ id: 'r' }));
  expect(bare).toMatchObject({ model: null, account_id: null, input_tokens: null });
  expect(Object.keys(bare)).not.toContain('error');
});

test('an owner is known at once, after a reopening, and to its tenant only', async () => {
  await using temporary = await temporaryStore();
  const owner = { account: FULL.accountId, session: FULL.session, stored: true };
  const committed = temporary.store.commitTurn({ row: FULL, stored: true });
  expect(temporary.store.requests.ownerOf(FULL.tenant, FULL.responseId)).toEqual(owner);
  await committed;
  const { requests } = await temporary.reopen();
  expect(requests.ownerOf(FULL.tenant, FULL.responseId)).toEqual(owner);
  expect(requests.ownerOf(LOCAL, FULL.responseId)).toBeUndefined();
  expect(requests.ownerOf(FULL.tenant, id('resp_other'))).toBeUndefined();
});

test('a turn that neither completed nor ended incomplete gives its response no owner', async () => {
  await using temporary = await temporaryStore();
  for (const status of ['failed', 'cancelled'] as const) {
    const row = requestRow({ id: status, status, responseId: id(status) });
    await temporary.store.commitTurn({ row, stored: false });
    expect(temporary.store.requests.ownerOf(LOCAL, id(status))).toBeUndefined();
  }
  const { requests } = await temporary.reopen();
  expect(requests.ownerOf(LOCAL, id('failed'))).toBeUndefined();
});

test('a forgotten response is unknown at once and after a reopening, its row stays', async () => {
  await using temporary = await temporaryStore();
  await temporary.store.commitTurn(turnOf(transcriptNode('resp_1')));
  const forgotten = temporary.store.forgetResponse(LOCAL, id('resp_1'));
  expect(temporary.store.requests.ownerOf(LOCAL, id('resp_1'))).toBeUndefined();
  expect(temporary.store.transcripts.get(LOCAL, id('resp_1'))).toBeUndefined();
  await forgotten;
  const { requests, transcripts } = await temporary.reopen();
  expect(requests.ownerOf(LOCAL, id('resp_1'))).toBeUndefined();
  expect(transcripts.get(LOCAL, id('resp_1'))).toBeUndefined();
  expect(requests.get('request resp_1')).toBeDefined();
});

test('the list is newest first, pages without gap or double, and filters', async () => {
  await using temporary = await temporaryStore();
  const rows = Array.from({ length: 25 }, (_, n) =>
    requestRow({
      id: `req_${String(n).padStart(2, '0')}`,
      at: 1_700_000_000_000 + Math.floor(n / 3),
      status: n % 5 === 0 ? 'failed' : 'completed',
      session: `s${n % 2}` as SessionId,
      accountId: `a${n % 3}` as AccountId,
      tenant: `k${n % 4}` as Tenant,
    }),
  );
  await Promise.all(rows.map((row) => temporary.store.commitTurn({ row, stored: false })));
  const { requests } = temporary.store;
  const pages: string[] = [];
  for (let before: string | undefined; ; before = pages.at(-1)) {
    const page = requests.list({ limit: 4, before });
    if (page.length === 0) break;
    pages.push(...page.map((row) => row.id));
  }
  expect(pages).toEqual(rows.map((row) => row.id).reverse());
  expect(requests.list({ status: 'failed' })).toHaveLength(5);
  expect(requests.list({ session: 's1' }).every((row) => row.session === 's1')).toBe(true);
  expect(requests.list({ account: 'a2', key: 'k1' }).map((row) => row.id)).toEqual(['req_17', 'req_05']);
});

test('tokens of a tenant are summed since an instant', async () => {
  await using temporary = await temporaryStore();
  const row = (n: number, at: number) =>
    requestRow({ id: `r${n}`, at, inputTokens: 10 * n, outputTokens: n });
  for (const n of [1, 2, 3]) await temporary.store.commitTurn({ row: row(n, n * 1000), stored: false });
  expect(temporary.store.requests.tokensSince(LOCAL, 2000)).toBe(55);
  expect(temporary.store.requests.tokensSince('other' as Tenant, 0)).toBe(0);
});

test('a sweep removes rows past their days and keeps the others', async () => {
  const now = 1_700_000_000_000;
  await using temporary = await temporaryStore({ now: () => now, retentionDays: 2 });
  const days = (n: number) => now - n * 86_400_000;
  const old = Array.from({ length: 600 }, (_, n) => requestRow({ id: `old_${n}`, at: days(3) }));
  const rows = [...old, requestRow({ id: 'young', at: days(1) })];
  await Promise.all(rows.map((row) => temporary.store.commitTurn({ row, stored: false })));
  await temporary.store.sweep();
  expect(temporary.store.requests.list({ limit: 1000 }).map((row) => row.id)).toEqual(['young']);
});
