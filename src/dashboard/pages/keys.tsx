/** The keys of those who may call: their limits and what they have used today. */
import { useEffect, useState } from 'preact/hooks';
import type { KeyWire } from '../../admin-api/key.ts';
import type { UsageWire } from '../../admin-api/usage.ts';
import { Confirm } from '../components/dialog.tsx';
import { tell } from '../components/toast.tsx';
import { count, day, short } from '../i18n/format.ts';
import { t } from '../i18n/words.ts';
import { call } from '../model/api.ts';
import { readKeys } from '../model/live.ts';
import { useAppState } from '../model/store.ts';
import { NewKey } from './new-key.tsx';

export function Keys() {
  const keys = useAppState((world) => world.keys).filter((key) => key.revoked_at === null);
  const [usage, setUsage] = useState<UsageWire>();
  const [asked, setAsked] = useState<'no' | 'yes'>('no');
  useEffect(() => {
    void readKeys();
    void call<UsageWire>('GET', '/api/usage?range=24h').then((answer) => {
      if (answer.ok) setUsage(answer.value);
    });
  }, []);
  return (
    <section class="section">
      <div class="row apart">
        <h2>{t('keys.title')}</h2>
        <button type="button" class="button slim" onClick={() => setAsked('yes')}>
          {t('keys.new')}
        </button>
      </div>
      {keys.length === 0 ? (
        <p class="card quiet">{t('keys.none')}</p>
      ) : (
        <ul class="card tight lines">
          {keys.map((key) => (
            <KeyRow key={key.id} of={key} used={usage?.keys.find((one) => one.id === key.id)} />
          ))}
        </ul>
      )}
      {asked === 'yes' ? <NewKey onClose={() => setAsked('no')} /> : null}
    </section>
  );
}

interface KeyRowProps {
  readonly of: KeyWire;
  readonly used: UsageWire['keys'][number] | undefined;
}

function KeyRow({ of, used }: KeyRowProps) {
  const [asked, setAsked] = useState<'nothing' | 'edit' | 'revoke'>('nothing');
  const close = (): void => setAsked('nothing');
  const tokens = (used?.input_tokens ?? 0) + (used?.output_tokens ?? 0);
  return (
    <li class="line">
      <div class="row apart wraps">
        <div class="stack tight">
          <span>
            <strong>{of.name}</strong> <span class="mono quiet">{of.prefix}…</span>
          </span>
          <span class="small quiet">
            {t('keys.used', { turns: count(used?.turns ?? 0), n: used?.turns ?? 0, tokens: short(tokens) })}
            {limitsOf(of)}
          </span>
        </div>
        <div class="row">
          <button type="button" class="button slim" onClick={() => setAsked('edit')}>
            {t('keys.edit')}
          </button>
          <button type="button" class="button slim danger" onClick={() => setAsked('revoke')}>
            {t('keys.revoke')}
          </button>
        </div>
      </div>
      {asked === 'edit' ? <NewKey of={of} onClose={close} /> : null}
      {asked === 'revoke' ? (
        <Confirm
          title={t('keys.revoke')}
          text={t('keys.revokeWhat', { name: of.name })}
          action={t('keys.revoke')}
          onConfirm={() => void revoke(of)}
          onClose={close}
        />
      ) : null}
    </li>
  );
}

function limitsOf({ limits, models, expires_at: expires }: KeyWire): string {
  const told = [
    limits.requests_per_minute && t('keys.limit.minute', { n: count(limits.requests_per_minute) }),
    limits.tokens_per_day && t('keys.limit.day', { n: short(limits.tokens_per_day) }),
    limits.concurrent_turns && t('keys.limit.turns', { n: limits.concurrent_turns }),
    models?.join(', '),
    expires && t('keys.until', { date: day(expires) }),
  ].filter(Boolean);
  return told.length === 0 ? '' : ` · ${told.join(' · ')}`;
}

async function revoke(key: KeyWire): Promise<void> {
  const answer = await call('DELETE', `/api/keys/${key.id}`);
  tell(answer.ok ? t('keys.revoked', { name: key.name }) : answer.message);
  if (answer.ok) await readKeys();
}
