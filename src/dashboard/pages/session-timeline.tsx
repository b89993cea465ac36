/** One conversation from its newest turn to its first, and every move between accounts. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { RequestDetailWire, RequestWire } from '../../admin-api/request.ts';
import type { SessionWire } from '../../admin-api/session.ts';
import { AccountName, useColour } from '../components/account.tsx';
import { Confirm } from '../components/dialog.tsx';
import { useKeyName } from '../components/key-name.tsx';
import { Ago } from '../components/time.tsx';
import { tell } from '../components/toast.tsx';
import { TurnBadge } from '../components/turn-status.tsx';
import { count, milliseconds, percent, short } from '../i18n/format.ts';
import { t, wordFor } from '../i18n/words.ts';
import { call, list } from '../model/api.ts';
import { go, hrefOf, type Route } from '../model/route.ts';
import { useAppState } from '../model/store.ts';
import { type Chapter, type Move, storyOf, sumsOf } from '../model/timeline.ts';
import { MoveLine } from './move-line.tsx';

export interface StoryProps {
  readonly id: string;
  readonly route: Route;
}

/** What the server has stored, with what has happened since it was read. */
function useTurnsOf(id: string): readonly RequestWire[] | undefined {
  const [read, setRead] = useState<readonly RequestWire[]>();
  const live = useAppState((world) => world.requests);
  useEffect(() => {
    setRead(undefined);
    void list<RequestWire>(`/api/requests?limit=1000&session=${encodeURIComponent(id)}`).then(setRead);
  }, [id]);
  return useMemo(() => {
    if (read === undefined) return undefined;
    const known = new Set(read.map((row) => row.id));
    return [...live.filter((row) => row.session === id && !known.has(row.id)), ...read];
  }, [read, live, id]);
}

export function SessionStory({ id, route }: StoryProps) {
  const session = useAppState((world) => world.sessions.find((one) => one.id === id));
  const rows = useTurnsOf(id);
  const chapters = useMemo(() => storyOf(rows ?? [], session?.switches), [rows, session]);
  return (
    <div class="page">
      <StoryHead id={id} session={session} rows={rows ?? []} />
      {rows?.length === 0 ? <p class="card empty">{t('sessions.noTurns')}</p> : null}
      <ol class="card tight story">
        {chapters.map((chapter) => (
          <ChapterLine key={chapter.key} chapter={chapter} route={route} />
        ))}
      </ol>
    </div>
  );
}

interface HeadProps {
  readonly id: string;
  readonly session: SessionWire | undefined;
  readonly rows: readonly RequestWire[];
}

function StoryHead({ id, session, rows }: HeadProps) {
  const tenant = session?.tenant ?? rows[0]?.tenant ?? '';
  const key = useKeyName(tenant);
  const { input, cached } = sumsOf(rows);
  return (
    <>
      <header>
        <div class="stack tight">
          <a class="small" href={hrefOf('sessions')}>
            ← {t('page.sessions')}
          </a>
          <h1>{t('sessions.of', { key })}</h1>
          <p class="quiet mono breaks">{id}</p>
        </div>
        {session === undefined ? <span class="badge">{t('sessions.over')}</span> : <Release id={id} />}
      </header>
      <dl class="figures">
        <Figure name={t('sessions.onAccount')}>
          <AccountName id={session?.account_id ?? rows[0]?.account_id ?? null} />
        </Figure>
        <Figure name={t('sessions.turnCount')}>{count(Math.max(session?.turns ?? 0, rows.length))}</Figure>
        <Figure name={t('sessions.cached')}>{percent(cached, input)}</Figure>
        <Figure name={t('sessions.knownBy')}>{wordFor('keyKind', session?.key_kind ?? 'none')}</Figure>
      </dl>
    </>
  );
}

function Figure({ name, children }: { readonly name: string; readonly children: preact.ComponentChildren }) {
  return (
    <div class="stack tight">
      <dt class="small quiet">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Release({ id }: { readonly id: string }) {
  const [asked, setAsked] = useState<'no' | 'yes'>('no');
  const release = async (): Promise<void> => {
    const answer = await call('DELETE', `/api/sessions/${encodeURIComponent(id)}`);
    tell(answer.ok ? t('sessions.released') : answer.message);
    if (answer.ok) go(hrefOf('sessions'));
  };
  return (
    <>
      <button type="button" class="button" onClick={() => setAsked('yes')}>
        {t('sessions.release')}
      </button>
      {asked === 'yes' ? (
        <Confirm
          title={t('sessions.release')}
          text={t('sessions.releaseWhat')}
          action={t('sessions.release')}
          onConfirm={() => void release()}
          onClose={() => setAsked('no')}
        />
      ) : null}
    </>
  );
}

function ChapterLine({ chapter, route }: { readonly chapter: Chapter; readonly route: Route }) {
  if (chapter.kind === 'move') return <MoveChapter move={chapter} />;
  return <TurnChapter row={chapter.row} route={route} />;
}

function MoveChapter({ move }: { readonly move: Move }) {
  const [items, setItems] = useState<number>();
  useEffect(() => {
    if (move.continuity !== 'snapshot') return;
    void call<RequestDetailWire>('GET', `/api/requests/${move.row.id}`).then((answer) => {
      if (answer.ok) setItems(answer.value.history?.items);
    });
  }, [move.row.id, move.continuity]);
  return (
    <li class="switch">
      <p class="notice plain small">
        <MoveLine move={move} items={items} />
      </p>
    </li>
  );
}

function TurnChapter({ row, route }: { readonly row: RequestWire; readonly route: Route }) {
  const colour = useColour(row.account_id);
  return (
    <li style={{ '--of': colour }}>
      <a class="line" href={hrefOf(route.page, route.item, { why: row.id })}>
        <span class="quiet wide">
          <Ago at={row.at} />
        </span>
        <AccountName id={row.account_id} />
        <TurnBadge row={row} />
        <span class="quiet wide clip">{wordFor('kept', row.continuity)}</span>
        <span class="number quiet wide" title={t('why.tokens')}>
          {short(row.input_tokens)} → {short(row.output_tokens)}
        </span>
        <span class="number quiet wide">{milliseconds(row.total_ms)}</span>
      </a>
    </li>
  );
}
