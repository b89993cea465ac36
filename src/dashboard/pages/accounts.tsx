/** The accounts of the pool: what each is, has left and may do. */
import { useState } from 'preact/hooks';
import type { AccountChangesWire, AccountWire } from '../../admin-api/account.ts';
import { AccountBadge, AccountName, AccountReason, Windows } from '../components/account.tsx';
import { Ago } from '../components/time.tsx';
import { tell } from '../components/toast.tsx';
import { t, wordFor } from '../i18n/words.ts';
import { call } from '../model/api.ts';
import { inServingOrder } from '../model/order.ts';
import { like, usePreferences } from '../model/preferences.ts';
import type { PageProps } from '../model/route.ts';
import { go, hrefOf } from '../model/route.ts';
import { useAppState } from '../model/store.ts';
import { AccountDetail } from './account-detail.tsx';
import { AddAccount } from './add-account.tsx';

export function Accounts({ route }: PageProps) {
  const accounts = useAppState((world) => world.accounts);
  const open = accounts.find((account) => account.id === route.item);
  const { add } = route.query;
  const close = (): void => go(hrefOf('accounts'));
  return (
    <div class="page">
      <header>
        <h1>{t('page.accounts')}</h1>
        <div class="row wraps">
          <BlurButton />
          <a class="button main" href={hrefOf('accounts', undefined, { add: 'device' })}>
            {t('accounts.add')}
          </a>
        </div>
      </header>
      {accounts.length === 0 ? (
        <div class="card empty">
          <p>{t('accounts.none')}</p>
        </div>
      ) : (
        <ul class="cards">
          {inServingOrder(accounts).map((account) => (
            <AccountCard key={account.id} account={account} />
          ))}
        </ul>
      )}
      {open === undefined ? null : <AccountDetail account={open} onClose={close} />}
      {add === undefined ? null : <AddAccount key={add} method={add} onClose={close} />}
    </div>
  );
}

function BlurButton() {
  const { emails } = usePreferences();
  const next = emails === 'shown' ? 'blurred' : 'shown';
  return (
    <button
      type="button"
      class="button"
      aria-pressed={emails === 'blurred'}
      onClick={() => like({ emails: next })}
    >
      {t(emails === 'shown' ? 'accounts.blur' : 'accounts.unblur')}
    </button>
  );
}

function AccountCard({ account }: { readonly account: AccountWire }) {
  return (
    <li class="card stack" data-account={account.name}>
      <div class="row apart">
        <h2 class="clip">
          <AccountName id={account.id} />
        </h2>
        <AccountBadge status={account.status} />
      </div>
      <p class="small quiet clip">
        {wordFor('kind', account.kind)}
        {account.plan === null ? '' : ` · ${account.plan}`}
        {account.email === null ? null : (
          <>
            {' · '}
            <span class="email">{account.email}</span>
          </>
        )}
      </p>
      <AccountReason account={account} />
      <Windows account={account} />
      <p class="small quiet">
        {t('account.priority', { n: account.priority })}
        {' · '}
        {account.last_used_at === null ? t('account.unused') : <Ago at={account.last_used_at} />}
      </p>
      <Actions account={account} />
    </li>
  );
}

function Actions({ account }: { readonly account: AccountWire }) {
  const [state, setState] = useState<'idle' | 'asking'>('idle');
  const path = `/api/accounts/${account.id}`;
  const ask = async (action: () => ReturnType<typeof call>, done: string): Promise<void> => {
    setState('asking');
    const answer = await action();
    setState('idle');
    tell(answer.ok ? done : answer.message);
  };
  const paused = account.status === 'paused';
  return (
    <div class="row wraps">
      <a class="button slim" href={hrefOf('accounts', account.id)}>
        {t('accounts.open')}
      </a>
      <button
        type="button"
        class="button slim"
        disabled={state === 'asking'}
        onClick={() =>
          void ask(
            () => call('PATCH', path, { paused: !paused } satisfies AccountChangesWire),
            t(paused ? 'accounts.resumed' : 'accounts.paused', { name: account.name }),
          )
        }
      >
        {t(paused ? 'accounts.resume' : 'accounts.pause')}
      </button>
      <button
        type="button"
        class="button slim"
        disabled={state === 'asking'}
        onClick={() =>
          void ask(() => call('POST', `${path}/probe`), t('accounts.probed', { name: account.name }))
        }
      >
        {t('accounts.probe')}
      </button>
    </div>
  );
}
