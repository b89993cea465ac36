/** Every conversation of this process: on which account it is, and why it moved. */
import { useMemo, useState } from 'preact/hooks';
import type { RequestWire } from '../../admin-api/request.ts';
import type { SessionWire } from '../../admin-api/session.ts';
import { AccountName } from '../components/account.tsx';
import { KeyName } from '../components/key-name.tsx';
import { Ago } from '../components/time.tsx';
import { percent } from '../i18n/format.ts';
import { t } from '../i18n/words.ts';
import type { PageProps } from '../model/route.ts';
import { hrefOf, rewrite } from '../model/route.ts';
import { useAppState } from '../model/store.ts';
import { latestMove, sumsOf } from '../model/timeline.ts';
import { colourOf } from '../styles/colours.ts';
import { MoveLine } from './move-line.tsx';
import { SessionStory } from './session-timeline.tsx';

const SHOWN_AT_FIRST = 100;
const STRIP_LENGTH = 24;

export function Sessions({ route }: PageProps) {
  if (route.item !== undefined) return <SessionStory id={route.item} route={route} />;
  return <SessionList search={route.query['search'] ?? ''} />;
}

function SessionList({ search }: { readonly search: string }) {
  const sessions = useAppState((world) => world.sessions);
  const requests = useAppState((world) => world.requests);
  const keys = useAppState((world) => world.keys);
  const [most, setMost] = useState(SHOWN_AT_FIRST);
  const bySession = useMemo(() => Map.groupBy(requests, (row) => row.session), [requests]);
  const nameOf = (tenant: string) => keys.find((key) => key.id === tenant)?.name ?? tenant;
  const found = sessions.filter(({ id, tenant }) => `${id} ${nameOf(tenant)}`.includes(search));
  return (
    <div class="page">
      <header>
        <h1>{t('page.sessions')}</h1>
        <input
          class="input slim"
          type="search"
          value={search}
          placeholder={t('sessions.search')}
          aria-label={t('sessions.search')}
          onInput={(event) => rewrite(hrefOf('sessions', undefined, { search: event.currentTarget.value }))}
        />
      </header>
      {found.length === 0 ? (
        <div class="card empty">
          <p>{t(sessions.length === 0 ? 'sessions.none' : 'sessions.noneFound')}</p>
        </div>
      ) : (
        <ul class="card tight lines">
          {found.slice(0, most).map((session) => (
            <SessionRow key={session.id} session={session} rows={bySession.get(session.id) ?? []} />
          ))}
        </ul>
      )}
      {found.length > most ? (
        <button type="button" class="button" onClick={() => setMost(most + SHOWN_AT_FIRST)}>
          {t('do.more')}
        </button>
      ) : null}
    </div>
  );
}

interface SessionRowProps {
  readonly session: SessionWire;
  readonly rows: readonly RequestWire[];
}

function SessionRow({ session, rows }: SessionRowProps) {
  const move = useMemo(() => latestMove(rows, session.switches), [rows, session]);
  const { input, cached } = sumsOf(rows);
  return (
    <li>
      <a class="line session" href={hrefOf('sessions', session.id)}>
        <span class="clip">
          <KeyName tenant={session.tenant} /> <span class="quiet mono">{session.id.slice(4, 12)}</span>
        </span>
        <AccountName id={session.account_id} />
        <span class="wide">
          <Strip rows={rows} />
        </span>
        <span class="number">{t('sessions.turns', { n: session.turns })}</span>
        <span class="number quiet wide" title={t('sessions.cached')}>
          {input > 0 ? t('sessions.cachedShare', { share: percent(cached, input) }) : ''}
        </span>
        <span class="number quiet">
          <Ago at={session.last_turn_at} />
        </span>
        {move === undefined ? null : (
          <span class="told small quiet">
            <MoveLine move={move} />
          </span>
        )}
      </a>
    </li>
  );
}

/** The last turns, oldest on the left, each in the colour of its account. */
function Strip({ rows }: { readonly rows: readonly RequestWire[] }) {
  const accounts = useAppState((world) => world.accounts);
  const shown = rows.slice(0, STRIP_LENGTH).toReversed();
  return (
    <span class="strip" aria-hidden="true">
      {shown.map((row) => (
        <i
          key={row.id}
          class={row.status === 'failed' ? 'failed' : undefined}
          style={{ '--of': colourOf(accounts, row.account_id) }}
        />
      ))}
    </span>
  );
}
