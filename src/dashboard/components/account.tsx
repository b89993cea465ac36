/**
 * An account wherever it is mentioned: its colour with its name, its state, its windows.
 */
import type { AccountStatus, AccountWire } from '../../admin-api/account.ts';
import type { WindowWire } from '../../admin-api/window.ts';
import { codeInWords, t, windowInWords, wordFor } from '../i18n/words.ts';
import { useAppState } from '../model/store.ts';
import { colourOf, NO_ACCOUNT } from '../styles/colours.ts';
import { Countdown } from './time.tsx';

export function useColour(id: string | null): string {
  const accounts = useAppState((world) => world.accounts);
  return id === null ? NO_ACCOUNT : colourOf(accounts, id);
}

export function useAccountName(id: string | null): string {
  const name = useAppState((world) => world.accounts.find((one) => one.id === id)?.name);
  return name ?? id ?? t('account.none');
}

export function AccountName({ id }: { readonly id: string | null }) {
  const name = useAccountName(id);
  const colour = useColour(id);
  return (
    <span class="account-name" title={name}>
      <i class="swatch" style={{ '--of': colour }} />
      <span class="clip">{name}</span>
    </span>
  );
}

const TONES: Readonly<Record<AccountStatus, string>> = {
  ready: 'good',
  cooling: 'warn',
  exhausted: 'warn',
  suspended: 'bad',
  needs_login: 'bad',
  paused: '',
};

export function AccountBadge({ status }: { readonly status: AccountStatus }) {
  return <span class={`badge ${TONES[status]}`}>{wordFor('status', status)}</span>;
}

/** Why it does not serve, and when it will. */
export function AccountReason({ account }: { readonly account: AccountWire }) {
  const { status, status_reason: reason, available_at: until } = account;
  if (status === 'ready' || status === 'paused') return null;
  return (
    <p class="small quiet">
      {reason === null ? null : codeInWords(reason)}
      {until === null ? null : (
        <>
          {reason === null ? '' : ' · '}
          {t('account.backIn')} <Countdown to={until} />
        </>
      )}
    </p>
  );
}

export function Windows({ account }: { readonly account: AccountWire }) {
  const colour = useColour(account.id);
  if (account.windows.length === 0) {
    const text = account.kind === 'api_key' ? t('account.noWindows') : t('account.windowsUnknown');
    return <p class="small quiet">{text}</p>;
  }
  const sorted = account.windows.toSorted((a, b) => (a.window_minutes ?? 0) - (b.window_minutes ?? 0));
  return (
    <div class="stack tight">
      {sorted.map((window) => (
        <WindowBar key={window.name} window={window} colour={colour} ceiling={account.max_used_percent} />
      ))}
    </div>
  );
}

interface WindowBarProps {
  readonly window: WindowWire;
  readonly colour: string;
  readonly ceiling: number;
}

function WindowBar({ window, colour, ceiling }: WindowBarProps) {
  const used = Math.round(window.used_percent);
  const label = t('account.windowUsed', { name: window.name, used });
  return (
    <div>
      <div class="row apart small">
        <span>{windowInWords(window.name)}</span>
        <span class="quiet">
          {used} %
          {window.resets_at === null ? null : (
            <>
              {' · '}
              <Countdown to={window.resets_at} />
            </>
          )}
        </span>
      </div>
      <span class="bar" role="img" aria-label={label} style={{ '--of': colour, '--part': `${used}%` }}>
        <i />
        {ceiling < 100 ? <b style={{ '--ceiling': `${ceiling}%` }} /> : null}
      </span>
    </div>
  );
}
