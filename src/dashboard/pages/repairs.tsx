/** What needs a hand, each with the one button that mends it. */
import { useState } from 'preact/hooks';
import type { AccountWire } from '../../admin-api/account.ts';
import { tell } from '../components/toast.tsx';
import { t, wordFor } from '../i18n/words.ts';
import { call } from '../model/api.ts';
import { readStatus } from '../model/live.ts';
import { hrefOf } from '../model/route.ts';
import { useAppState } from '../model/store.ts';

/** More rows than this in the queue: the disk does not take them. */
const QUEUE_IS_STUCK = 500;

export function Repairs() {
  const accounts = useAppState((world) => world.accounts);
  const writer = useAppState((world) => world.status?.writer);
  const blocked = accounts.filter((account) => BLOCKED.has(account.status));
  const stuck = writer !== undefined && (writer.queue > QUEUE_IS_STUCK || writer.dropped > 0);
  if (blocked.length === 0 && !stuck) return null;
  return (
    <section class="section" aria-label={t('repair.title')}>
      {stuck ? <DiskCard dropped={writer.dropped} queue={writer.queue} /> : null}
      {blocked.map((account) =>
        account.status === 'needs_login' ? (
          <LoginCard key={account.id} account={account} />
        ) : (
          <BlockCard key={account.id} account={account} />
        ),
      )}
    </section>
  );
}

const BLOCKED: ReadonlySet<string> = new Set(['needs_login', 'exhausted', 'suspended']);

function LoginCard({ account }: { readonly account: AccountWire }) {
  const login = account.kind === 'chatgpt';
  const add = login ? 'device' : 'api_key';
  return (
    <div class="notice bad">
      <span>{t(login ? 'repair.login' : 'repair.key', { name: account.name })}</span>
      <a class="button slim" href={hrefOf('accounts', undefined, { add })}>
        {t(login ? 'repair.loginDo' : 'repair.keyDo')}
      </a>
    </div>
  );
}

function BlockCard({ account }: { readonly account: AccountWire }) {
  const [state, setState] = useState<'idle' | 'asking'>('idle');
  const probe = async (): Promise<void> => {
    setState('asking');
    const answer = await call<AccountWire>('POST', `/api/accounts/${account.id}/probe`);
    setState('idle');
    if (!answer.ok) tell(answer.message);
    else
      tell(t(answer.value.status === 'ready' ? 'repair.freed' : 'repair.confirmed', { name: account.name }));
  };
  const values = { name: account.name, status: wordFor('status', account.status) };
  return (
    <div class="notice">
      <span>{t('repair.block', values)}</span>
      <button type="button" class="button slim" disabled={state === 'asking'} onClick={() => void probe()}>
        {t('repair.blockDo')}
      </button>
    </div>
  );
}

function DiskCard({ dropped, queue }: { readonly dropped: number; readonly queue: number }) {
  return (
    <div class="notice bad">
      <span>{t('repair.disk', { queue, dropped })}</span>
      <button type="button" class="button slim" onClick={() => void readStatus()}>
        {t('repair.diskDo')}
      </button>
    </div>
  );
}
