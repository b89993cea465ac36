/** One account: how its quota went, and what may be changed about it. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { AccountChangesWire, AccountTransport, AccountWire } from '../../admin-api/account.ts';
import type { UsageRange } from '../../admin-api/usage.ts';
import type { QuotaHistoryWire } from '../../admin-api/window.ts';
import { AccountReason, useColour, Windows } from '../components/account.tsx';
import { Chart, type Series } from '../components/chart.tsx';
import { Confirm, Dialog } from '../components/dialog.tsx';
import { Choice, Field, type Submit, valuesOf } from '../components/form.tsx';
import { tell } from '../components/toast.tsx';
import { t, windowInWords, wordFor } from '../i18n/words.ts';
import { call } from '../model/api.ts';
import { namesOf } from '../model/names.ts';

export interface DetailProps {
  readonly account: AccountWire;
  readonly onClose: () => void;
}

export function AccountDetail({ account, onClose }: DetailProps) {
  return (
    <Dialog title={account.name} kind="side" onClose={onClose}>
      <AccountReason account={account} />
      <Windows account={account} />
      <History account={account} />
      <Edit key={account.id} account={account} />
      <Remove account={account} onClose={onClose} />
    </Dialog>
  );
}

const TRANSPORTS = namesOf<AccountTransport>({ auto: true, websocket: true, http: true });
const SECOND_COLOUR = '#868e99';

function History({ account }: { readonly account: AccountWire }) {
  const [range, setRange] = useState<UsageRange>('7d');
  const [history, setHistory] = useState<QuotaHistoryWire>();
  const colour = useColour(account.id);
  useEffect(() => {
    const path = `/api/accounts/${account.id}/history?range=${range}`;
    void call<QuotaHistoryWire>('GET', path).then((answer) =>
      setHistory(answer.ok ? answer.value : undefined),
    );
  }, [account.id, range]);
  const { times, series } = useMemo(() => linesOf(history, [colour, SECOND_COLOUR]), [history, colour]);
  return (
    <section class="section">
      <div class="row apart wraps">
        <h3>{t('accounts.history')}</h3>
        <Choice label={t('usage.range')} options={RANGES} value={range} onChange={setRange} />
      </div>
      {times.length < 2 ? (
        <p class="quiet small">{t('accounts.noHistory')}</p>
      ) : (
        <Chart
          label={t('accounts.history')}
          kind="lines"
          times={times}
          series={series}
          most={100}
          format={(value) => `${Math.round(value)} %`}
        />
      )}
    </section>
  );
}

const RANGES = [
  ['24h', '24 h'],
  ['7d', '7 d'],
  ['30d', '30 d'],
] as const;

function linesOf(history: QuotaHistoryWire | undefined, colours: readonly string[]) {
  const samples = history?.data ?? [];
  const times = [...new Set(samples.map((sample) => sample.at))].toSorted((a, b) => a - b);
  const names = [...new Set(samples.map((sample) => sample.name))];
  const series: Series[] = names.map((name, index) => {
    const byTime = new Map(
      samples.filter((one) => one.name === name).map((one) => [one.at, one.used_percent]),
    );
    const colour = colours[index % colours.length] ?? SECOND_COLOUR;
    return { label: windowInWords(name), colour, values: times.map((at) => byTime.get(at) ?? null) };
  });
  return { times, series };
}

/** Only what differs: what the server shows of a field may be less than what it holds. */
function changesOf(account: AccountWire, values: Readonly<Record<string, string>>): AccountChangesWire {
  const wanted: AccountChangesWire = {
    name: values['name'] ?? account.name,
    priority: Number(values['priority'] ?? 0),
    max_used_percent: Number(values['ceiling'] ?? 100),
    transport: TRANSPORTS.find((one) => one === values['transport']) ?? account.transport,
    proxy: values['proxy'] ?? null,
  };
  const differing = Object.entries(wanted).filter(
    ([name, value]) => account[name as keyof AccountWire] !== value,
  );
  return Object.fromEntries(differing);
}

function Edit({ account }: { readonly account: AccountWire }) {
  const submit: Submit = async (event) => {
    event.preventDefault();
    const changes = changesOf(account, valuesOf(event.currentTarget));
    const answer = await call('PATCH', `/api/accounts/${account.id}`, changes);
    tell(answer.ok ? t('do.saved') : answer.message);
  };
  return (
    <form class="stack" onSubmit={submit}>
      <h3>{t('accounts.settings')}</h3>
      <Field label={t('accounts.name')}>
        <input class="input" name="name" required maxLength={100} defaultValue={account.name} />
      </Field>
      <Field label={t('accounts.priority')} hint={t('accounts.priorityHint')}>
        <input class="input" name="priority" type="number" step="1" defaultValue={`${account.priority}`} />
      </Field>
      <Field label={t('accounts.ceiling')} hint={t('accounts.ceilingHint')}>
        <input
          class="input"
          name="ceiling"
          type="number"
          min="1"
          max="100"
          defaultValue={`${account.max_used_percent}`}
        />
      </Field>
      <Field label={t('accounts.transport')}>
        <select class="input" name="transport" defaultValue={account.transport}>
          {TRANSPORTS.map((one) => (
            <option key={one} value={one} selected={one === account.transport}>
              {wordFor('transport', one)}
            </option>
          ))}
        </select>
      </Field>
      <Field label={t('accounts.proxy')} hint={t('accounts.proxyHint')}>
        <input class="input mono" name="proxy" defaultValue={account.proxy ?? ''} />
      </Field>
      <button type="submit" class="button main">
        {t('do.save')}
      </button>
    </form>
  );
}

function Remove({ account, onClose }: DetailProps) {
  const [asked, setAsked] = useState<'no' | 'yes'>('no');
  const remove = async (): Promise<void> => {
    const answer = await call('DELETE', `/api/accounts/${account.id}`);
    tell(answer.ok ? t('accounts.removed', { name: account.name }) : answer.message);
    if (answer.ok) onClose();
  };
  return (
    <>
      <button type="button" class="button danger" onClick={() => setAsked('yes')}>
        {t('accounts.remove')}
      </button>
      {asked === 'yes' ? (
        <Confirm
          title={t('accounts.remove')}
          text={t('accounts.removeWhat', { name: account.name })}
          action={t('accounts.remove')}
          onConfirm={() => void remove()}
          onClose={() => setAsked('no')}
        />
      ) : null}
    </>
  );
}
