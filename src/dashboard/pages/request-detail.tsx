/** Everything that is known of one turn: which accounts were asked, why, and what the client was told. */
import { type ComponentChildren, Fragment } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { AttemptWire, RequestDetailWire } from '../../admin-api/request.ts';
import { AccountName, useColour } from '../components/account.tsx';
import { copy } from '../components/code.tsx';
import { Dialog } from '../components/dialog.tsx';
import { KeyName } from '../components/key-name.tsx';
import { TurnBadge } from '../components/turn-status.tsx';
import { bytes, count, milliseconds, moment, percent } from '../i18n/format.ts';
import { t, wordFor } from '../i18n/words.ts';
import { type Answer, call } from '../model/api.ts';
import { curlOf } from '../model/curl.ts';
import { go, hrefOf, type Route } from '../model/route.ts';

export function RequestDetail({ id, route }: { readonly id: string; readonly route: Route }) {
  const [answer, setAnswer] = useState<Answer<RequestDetailWire>>();
  useEffect(() => {
    setAnswer(undefined);
    void call<RequestDetailWire>('GET', `/api/requests/${encodeURIComponent(id)}`).then(setAnswer);
  }, [id]);
  const { why: _why, ...query } = route.query;
  return (
    <Dialog title={t('why.title')} kind="side" onClose={() => go(hrefOf(route.page, route.item, query))}>
      {answer === undefined ? <p class="quiet">{t('link.connecting')}</p> : null}
      {answer?.ok === false ? <p class="notice bad">{answer.message}</p> : null}
      {answer?.ok === true ? <Told row={answer.value} /> : null}
    </Dialog>
  );
}

function Told({ row }: { readonly row: RequestDetailWire }) {
  return (
    <>
      <div class="row apart wraps">
        <TurnBadge row={row} />
        <span class="quiet small">{moment(row.at)}</span>
      </div>
      <Outcome row={row} />
      <section class="section">
        <h3>{t('why.attempts')}</h3>
        {row.attempts.length === 0 ? <p class="quiet">{t('why.noAttempt')}</p> : null}
        <ol class="attempts">
          {row.attempts.map((attempt, index) => (
            <AttemptLine key={`${index} ${attempt.account_id}`} row={row} index={index} />
          ))}
        </ol>
      </section>
      <Choice row={row} />
      <Facts row={row} />
      <div class="row wraps">
        <button type="button" class="button" onClick={() => void copy(curlOf(row, location.origin))}>
          {t('why.curl')}
        </button>
        <a class="button" href={hrefOf('sessions', row.session)}>
          {t('why.session')}
        </a>
      </div>
    </>
  );
}

function Outcome({ row }: { readonly row: RequestDetailWire }) {
  return (
    <section class="section">
      <h3>{t('why.told')}</h3>
      {row.error === undefined ? (
        <p>{wordFor('told', row.status)}</p>
      ) : (
        <p class="breaks">
          <code>{row.error.code}</code> {row.error.message}
        </p>
      )}
    </section>
  );
}

function AttemptLine({ row, index }: { readonly row: RequestDetailWire; readonly index: number }) {
  const attempt = row.attempts[index] as AttemptWire;
  const colour = useColour(attempt.account_id);
  const code = attempt.error_code;
  return (
    <li style={{ '--of': colour }}>
      <div class="row apart">
        <AccountName id={attempt.account_id} />
        <span class="quiet small">
          {wordFor('way', attempt.transport)} · {milliseconds(attempt.ms)}
        </span>
      </div>
      <p class="small">
        {wordFor('attempt', attempt.outcome)}
        {attempt.error_class === undefined ? '' : `: ${wordFor('class', attempt.error_class)}`}
        {code === undefined ? null : (
          <>
            {' '}
            (<code>{code}</code>)
          </>
        )}
        {attempt.outcome === 'failed' ? ` · ${phaseOf(row, index)}` : ''}
      </p>
    </li>
  );
}

/** Only what the client had not seen can be repeated: an attempt that was followed by another had shown nothing. */
function phaseOf(row: RequestDetailWire, index: number): string {
  const last = index === row.attempts.length - 1;
  return t(last && row.first_event_ms !== null ? 'why.afterOutput' : 'why.beforeOutput');
}

function Choice({ row }: { readonly row: RequestDetailWire }) {
  const { history } = row;
  const kept = wordFor('keptLong', row.continuity);
  return (
    <section class="section">
      <h3>{t('why.choice')}</h3>
      <p>{row.account_reason === null ? t('why.noChoice') : wordFor('because', row.account_reason)}</p>
      <p>
        {kept}
        {history === null ? '' : ` ${t('why.history', { n: history.items, size: bytes(history.bytes) })}`}
      </p>
    </section>
  );
}

function Facts({ row }: { readonly row: RequestDetailWire }) {
  return (
    <dl class="facts small">
      {factsOf(row).map(([name, value]) => (
        <Fragment key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </Fragment>
      ))}
    </dl>
  );
}

type Fact = readonly [name: string, value: ComponentChildren];

/** What is not known is left out. */
function factsOf(row: RequestDetailWire): readonly Fact[] {
  const { input_tokens: input, cached_tokens: cached } = row;
  const facts: readonly (readonly [unknown, Fact])[] = [
    [row.model, [t('requests.model'), row.model]],
    [row.tenant, [t('requests.key'), <KeyName key="key" tenant={row.tenant} />]],
    [row.door, [t('why.door'), `${wordFor('door', row.door)} · ${row.route}`]],
    [row.first_event_ms, [t('requests.first'), milliseconds(row.first_event_ms)]],
    [row.total_ms, [t('requests.total'), milliseconds(row.total_ms)]],
    [input, [t('usage.input'), count(input)]],
    [cached, [t('usage.cached'), `${count(cached)} · ${percent(cached ?? 0, input ?? 0)}`]],
    [row.output_tokens, [t('usage.output'), count(row.output_tokens)]],
    [row.reasoning_tokens, [t('usage.reasoning'), count(row.reasoning_tokens)]],
    [row.dropped_params, [t('why.dropped'), row.dropped_params?.join(', ')]],
    [row.id, [t('why.id'), <code key="id">{row.id}</code>]],
  ];
  return facts.filter(([known]) => known !== null && known !== undefined).map(([, fact]) => fact);
}
