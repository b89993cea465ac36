/** Is it fine, who serves, what runs: to be read in two seconds. */
import { useEffect } from 'preact/hooks';
import type { AccountWire } from '../../admin-api/account.ts';
import type { RequestWire } from '../../admin-api/request.ts';
import { AccountBadge, AccountName, AccountReason, Windows } from '../components/account.tsx';
import { KeyName } from '../components/key-name.tsx';
import { Ago, useNow } from '../components/time.tsx';
import { TurnBadge } from '../components/turn-status.tsx';
import { clock, milliseconds, span } from '../i18n/format.ts';
import { t } from '../i18n/words.ts';
import { readStatus } from '../model/live.ts';
import { inServingOrder, isOverCeiling, verdictOf } from '../model/order.ts';
import type { PageProps } from '../model/route.ts';
import { hrefOf } from '../model/route.ts';
import { useAppState } from '../model/store.ts';
import { FirstRun } from './first-run.tsx';
import { Repairs } from './repairs.tsx';
import { RunningTurns } from './running.tsx';

const LATEST_SHOWN = 8;

export function Now({ route }: PageProps) {
  const fresh = useAppState((world) => world.accounts.length === 0 || world.requests.length === 0);
  useEffect(() => void readStatus(), []);
  if (fresh && route.query['skip'] !== 'yes') return <FirstRun />;
  return (
    <div class="page">
      <Verdict />
      <Repairs />
      <Strip />
      <RunningTurns />
      <Latest />
    </div>
  );
}

function Verdict() {
  const now = useNow();
  const accounts = useAppState((world) => world.accounts);
  const { tone, ready, total, next } = verdictOf(accounts, now);
  const values = { ready, total };
  const sentence =
    total === 0 ? t('now.none') : ready === total ? t('now.all', values) : t('now.some', values);
  return (
    <div class="verdict">
      <h1 data-tone={tone}>{sentence}</h1>
      <p>
        {next === undefined
          ? t('now.noReset')
          : t(next.what === 'back' ? 'now.back' : 'now.reset', {
              time: clock(next.at, now),
              span: span(next.at - now / 1000),
            })}
      </p>
    </div>
  );
}

function Strip() {
  const accounts = useAppState((world) => world.accounts);
  return (
    <section class="section">
      <h2>{t('now.order')}</h2>
      <ol class="cards">
        {inServingOrder(accounts).map((account) => (
          <AccountCard key={account.id} account={account} />
        ))}
      </ol>
    </section>
  );
}

function AccountCard({ account }: { readonly account: AccountWire }) {
  return (
    <li class="card stack" data-account={account.name}>
      <div class="row apart">
        <h3 class="clip">
          <AccountName id={account.id} />
        </h3>
        <AccountBadge status={account.status} />
      </div>
      <AccountReason account={account} />
      {account.status === 'ready' && isOverCeiling(account) ? (
        <p class="small quiet">{t('account.overCeiling', { n: account.max_used_percent })}</p>
      ) : null}
      <Windows account={account} />
      <p class="small quiet">
        {t('account.load', { turns: account.active_turns, sessions: account.sessions })}
        {account.plan === null ? '' : ` · ${account.plan}`}
      </p>
    </li>
  );
}

function Latest() {
  const requests = useAppState((world) => world.requests);
  return (
    <section class="section">
      <div class="row apart">
        <h2>{t('now.latest')}</h2>
        <a href={hrefOf('requests')}>{t('now.allRequests')}</a>
      </div>
      <ul class="card tight lines">
        {requests.slice(0, LATEST_SHOWN).map((row) => (
          <LatestRow key={row.id} row={row} />
        ))}
      </ul>
    </section>
  );
}

function LatestRow({ row }: { readonly row: RequestWire }) {
  return (
    <li>
      <a class="line latest" href={hrefOf('now', undefined, { why: row.id })}>
        <span class="quiet">
          <Ago at={row.at} />
        </span>
        <span class="clip wide">{row.model ?? row.route}</span>
        <AccountName id={row.account_id} />
        <span class="wide quiet">
          <KeyName tenant={row.tenant} />
        </span>
        <TurnBadge row={row} />
        <span class="number quiet wide">{milliseconds(row.total_ms)}</span>
      </a>
    </li>
  );
}
