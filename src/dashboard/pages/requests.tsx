/** Every accepted turn, newest first; the filters are in the address. */
import { useEffect, useState } from 'preact/hooks';
import type { RequestStatus, RequestWire } from '../../admin-api/request.ts';
import { AccountName } from '../components/account.tsx';
import { KeyName } from '../components/key-name.tsx';
import { TurnBadge } from '../components/turn-status.tsx';
import { VirtualList } from '../components/virtual-list.tsx';
import { count, listed, milliseconds, moment, short } from '../i18n/format.ts';
import { t, type Word, wordFor } from '../i18n/words.ts';
import { namesOf } from '../model/names.ts';
import { type Filter, filterOf, useRequestList } from '../model/request-list.ts';
import type { PageProps } from '../model/route.ts';
import { hrefOf, rewrite } from '../model/route.ts';
import { useAppState } from '../model/store.ts';

const WIDE = '(min-width: 861px)';
const HEIGHTS = { wide: 40, narrow: 60 } as const;

function useRowHeight(): number {
  const [wide, setWide] = useState(() => matchMedia(WIDE).matches);
  useEffect(() => {
    const query = matchMedia(WIDE);
    const look = (): void => setWide(query.matches);
    query.addEventListener('change', look);
    return () => query.removeEventListener('change', look);
  }, []);
  return wide ? HEIGHTS.wide : HEIGHTS.narrow;
}

export function Requests({ route }: PageProps) {
  const filter = filterOf(route.query);
  const [position, setPosition] = useState<'top' | 'below'>('top');
  const { rows, waiting, more, takeIn } = useRequestList(filter, position);
  const height = useRowHeight();
  return (
    <div class="page">
      <header>
        <h1>{t('page.requests')}</h1>
        {position === 'below' && waiting.length > 0 ? (
          <button
            type="button"
            class="button slim"
            onClick={() => {
              takeIn();
              document.querySelector('.rows .scroll')?.scrollTo({ top: 0 });
            }}
          >
            {t('requests.new', { n: waiting.length })}
          </button>
        ) : null}
      </header>
      <Filters filter={filter} />
      <div class="card tight rows">
        <Heads />
        {rows === undefined || rows.length > 0 ? (
          <VirtualList
            length={rows?.length ?? 0}
            rowHeight={height}
            label={t('page.requests')}
            onNearEnd={more}
            onScroll={(top) => setPosition(top > height ? 'below' : 'top')}
            row={(index, top) => (
              <Entry key={rows?.[index]?.id} row={rows?.[index]} top={top} filter={filter} />
            )}
          />
        ) : (
          <div class="empty">
            <p>{t(Object.keys(filter).length === 0 ? 'requests.none' : 'requests.noneFound')}</p>
          </div>
        )}
      </div>
    </div>
  );
}

const COLUMNS: readonly Word[] = [
  'requests.at',
  'requests.status',
  'requests.model',
  'requests.account',
  'requests.key',
  'requests.tokens',
  'requests.first',
  'requests.total',
];

function Heads() {
  return (
    <div class="heads" aria-hidden="true">
      {COLUMNS.map((word, index) => (
        <span key={word} class={index > 4 ? 'number' : undefined}>
          {t(word)}
        </span>
      ))}
    </div>
  );
}

interface EntryProps {
  readonly row: RequestWire | undefined;
  readonly top: number;
  readonly filter: Filter;
}

function Entry({ row, top, filter }: EntryProps) {
  if (row === undefined) return null;
  return (
    <a
      class="entry"
      style={{ top: `${top}px` }}
      href={hrefOf('requests', undefined, { ...filter, why: row.id })}
    >
      <span class="quiet clip" title={moment(row.at)}>
        {listed(row.at, Date.now())}
      </span>
      <TurnBadge row={row} />
      <span class="clip wide">{row.model ?? row.route}</span>
      <AccountName id={row.account_id} />
      <span class="quiet wide clip">
        <KeyName tenant={row.tenant} />
      </span>
      <span class="number quiet wide" title={`${count(row.input_tokens)} → ${count(row.output_tokens)}`}>
        {short(row.input_tokens)} → {short(row.output_tokens)}
      </span>
      <span class="number quiet wide">{milliseconds(row.first_event_ms)}</span>
      <span class="number quiet">{milliseconds(row.total_ms)}</span>
    </a>
  );
}

const STATUSES = namesOf<RequestStatus>({ completed: true, incomplete: true, failed: true, cancelled: true });

function Filters({ filter }: { readonly filter: Filter }) {
  const accounts = useAppState((world) => world.accounts);
  const keys = useAppState((world) => world.keys);
  const set = (changes: Filter): void => rewrite(hrefOf('requests', undefined, { ...filter, ...changes }));
  const keyOptions = [['local', t('key.local')] as const, ...keys.map((key) => [key.id, key.name] as const)];
  return (
    <search class="row wraps">
      <Select
        label={t('requests.status')}
        value={filter.status}
        options={STATUSES.map((status) => [status, wordFor('turn', status)])}
        onChange={(status) => set({ status })}
      />
      <Select
        label={t('requests.account')}
        value={filter.account}
        options={accounts.map((account) => [account.id, account.name])}
        onChange={(account) => set({ account })}
      />
      <Select
        label={t('requests.key')}
        value={filter.key}
        options={keyOptions}
        onChange={(key) => set({ key })}
      />
      <input
        class="input slim"
        type="search"
        value={filter.session ?? ''}
        placeholder={t('requests.session')}
        aria-label={t('requests.session')}
        onChange={(event) => set({ session: event.currentTarget.value })}
      />
    </search>
  );
}

interface SelectProps {
  readonly label: string;
  readonly value: string | undefined;
  readonly options: readonly (readonly [string, string])[];
  readonly onChange: (value: string) => void;
}

function Select({ label, value, options, onChange }: SelectProps) {
  return (
    <select
      class="input slim"
      aria-label={label}
      value={value ?? ''}
      onChange={(event) => onChange(event.currentTarget.value)}
    >
      <option value="">{t('requests.any', { what: label })}</option>
      {options.map(([option, text]) => (
        <option key={option} value={option}>
          {text}
        </option>
      ))}
    </select>
  );
}
