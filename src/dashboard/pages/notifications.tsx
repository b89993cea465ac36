/** Where the server tells people that something needs them. Secrets come masked and go back as they came. */
import { useEffect, useState } from 'preact/hooks';
import type { ListWire } from '../../admin-api/answer.ts';
import type {
  ChannelDraftWire,
  ChannelKind,
  ChannelTestWire,
  ChannelWire,
  SettingsChangesWire,
  SettingsWire,
} from '../../admin-api/settings.ts';
import { Dialog } from '../components/dialog.tsx';
import { Field, type Submit, valuesOf } from '../components/form.tsx';
import { Refused } from '../components/refused.tsx';
import { tell } from '../components/toast.tsx';
import { t, wordFor } from '../i18n/words.ts';
import { call } from '../model/api.ts';
import { namesOf } from '../model/names.ts';

export function Notifications() {
  const [settings, setSettings] = useState<SettingsWire>();
  const [refused, setRefused] = useState<string>();
  const [asked, setAsked] = useState<'no' | 'yes'>('no');
  useEffect(() => {
    void call<SettingsWire>('GET', '/api/settings').then((answer) => {
      if (answer.ok) setSettings(answer.value);
    });
  }, []);
  const targets = settings?.notifications ?? [];
  const save = async (notifications: readonly ChannelDraftWire[]): Promise<void> => {
    const changes: SettingsChangesWire = { notifications };
    const answer = await call<SettingsWire>('PUT', '/api/settings', changes);
    setRefused(answer.ok ? undefined : answer.message);
    if (!answer.ok) return;
    setAsked('no');
    setSettings(answer.value);
    tell(t('do.saved'));
  };
  return (
    <section class="section">
      <div class="row apart">
        <h2>{t('notify.title')}</h2>
        <div class="row">
          {targets.length === 0 ? null : <TestButton />}
          <button type="button" class="button slim" onClick={() => setAsked('yes')}>
            {t('notify.add')}
          </button>
        </div>
      </div>
      {targets.length === 0 ? (
        <p class="card quiet">{t('notify.none')}</p>
      ) : (
        <ul class="card tight lines">
          {targets.map((target, index) => (
            <Target
              key={`${target.kind} ${target.url}`}
              target={target}
              onRemove={() => void save(targets.toSpliced(index, 1))}
            />
          ))}
        </ul>
      )}
      {asked === 'yes' ? (
        <NewTarget
          refused={refused}
          onAdd={(target) => void save([...targets, target])}
          onClose={() => setAsked('no')}
        />
      ) : null}
    </section>
  );
}

/** The first that did not arrive says more than all that did. */
function outcomeOf(tested: readonly ChannelTestWire[]): string {
  const failed = tested.find((one) => !one.ok);
  if (failed === undefined) return t('notify.tested');
  return t('notify.notArrived', { kind: failed.kind, why: failed.error ?? '' });
}

function TestButton() {
  const [state, setState] = useState<'idle' | 'asking'>('idle');
  const test = async (): Promise<void> => {
    setState('asking');
    const answer = await call<ListWire<ChannelTestWire>>('POST', '/api/notifications/test');
    setState('idle');
    tell(answer.ok ? outcomeOf(answer.value.data) : answer.message);
  };
  return (
    <button type="button" class="button slim" disabled={state === 'asking'} onClick={() => void test()}>
      {t('notify.test')}
    </button>
  );
}

function Target({ target, onRemove }: { readonly target: ChannelWire; readonly onRemove: () => void }) {
  return (
    <li class="line">
      <div class="row apart wraps">
        <span class="breaks">
          <strong>{wordFor('notifyKind', target.kind)}</strong> <span class="mono quiet">{target.url}</span>
        </span>
        <button type="button" class="button slim danger" onClick={onRemove}>
          {t('do.remove')}
        </button>
      </div>
    </li>
  );
}

/** What says where a channel of each kind leads. */
const ADDRESSED_BY: Readonly<Record<ChannelKind, 'url' | 'chat_id'>> = {
  webhook: 'url',
  ntfy: 'url',
  discord: 'url',
  slack: 'url',
  telegram: 'chat_id',
  gotify: 'url',
};
const KINDS = namesOf(ADDRESSED_BY);

const kindOf = (text: string): ChannelKind => KINDS.find((one) => one === text) ?? 'webhook';

interface NewTargetProps {
  readonly refused: string | undefined;
  readonly onAdd: (target: ChannelDraftWire) => void;
  readonly onClose: () => void;
}

function NewTarget({ refused, onAdd, onClose }: NewTargetProps) {
  const [kind, setKind] = useState<ChannelKind>('webhook');
  const submit: Submit = (event) => {
    event.preventDefault();
    const { url, token, chat_id } = valuesOf(event.currentTarget);
    const given = Object.entries({ url, token, chat_id }).filter(([, value]) => value !== undefined);
    onAdd({ kind, ...Object.fromEntries(given) });
  };
  return (
    <Dialog title={t('notify.add')} onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <Field label={t('notify.kind')}>
          <select
            class="input"
            name="kind"
            value={kind}
            onChange={(event) => setKind(kindOf(event.currentTarget.value))}
          >
            {KINDS.map((one) => (
              <option key={one} value={one}>
                {wordFor('notifyKind', one)}
              </option>
            ))}
          </select>
        </Field>
        {ADDRESSED_BY[kind] === 'chat_id' ? (
          <Field label={t('notify.chat')}>
            <input class="input mono" name="chat_id" required autocomplete="off" />
          </Field>
        ) : (
          <Field label={t('notify.url')}>
            <input class="input mono" name="url" type="url" required autocomplete="off" />
          </Field>
        )}
        <Field label={t('notify.token')} hint={t('notify.tokenHint')}>
          <input class="input mono" name="token" type="password" autocomplete="off" />
        </Field>
        <Refused text={refused} />
        <button type="submit" class="button main">
          {t('notify.add')}
        </button>
      </form>
    </Dialog>
  );
}
