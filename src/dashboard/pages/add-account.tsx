/** Four ways in for an account, all without leaving the page. */
import { useState } from 'preact/hooks';
import type { NewAccountWire } from '../../admin-api/account.ts';
import { Dialog } from '../components/dialog.tsx';
import { Choice, Field, type Submit, valuesOf } from '../components/form.tsx';
import { Refused } from '../components/refused.tsx';
import { tell } from '../components/toast.tsx';
import { t } from '../i18n/words.ts';
import { call } from '../model/api.ts';
import { LogIn } from './log-in.tsx';

const METHODS = ['device', 'browser', 'file', 'api_key'] as const;
type Method = (typeof METHODS)[number];

export interface AddProps {
  readonly method: string;
  readonly onClose: () => void;
}

export function AddAccount({ method, onClose }: AddProps) {
  const first = METHODS.find((one) => one === method) ?? 'device';
  const [chosen, setChosen] = useState<Method>(first);
  const done = (text: string): void => {
    tell(text);
    onClose();
  };
  return (
    <Dialog title={t('accounts.add')} onClose={onClose}>
      <Choice
        label={t('add.method')}
        options={METHODS.map((one) => [one, t(`add.${one}`)])}
        value={chosen}
        onChange={setChosen}
      />
      {chosen === 'device' || chosen === 'browser' ? (
        <LogIn key={chosen} method={chosen} onDone={() => done(t('add.done'))} />
      ) : null}
      {chosen === 'file' ? <AuthFile onDone={done} /> : null}
      {chosen === 'api_key' ? <ApiKey onDone={done} /> : null}
    </Dialog>
  );
}

interface DoneProps {
  readonly onDone: (text: string) => void;
}

function ApiKey({ onDone }: DoneProps) {
  const [refused, setRefused] = useState<string>();
  const submit: Submit = async (event) => {
    event.preventDefault();
    const { name, api_key = '', base_url } = valuesOf(event.currentTarget);
    const account: NewAccountWire = { kind: 'api_key', name, api_key, base_url };
    const answer = await call('POST', '/api/accounts', account);
    if (answer.ok) onDone(t('add.done'));
    else setRefused(answer.message);
  };
  return (
    <form class="stack" onSubmit={submit}>
      <Field label={t('accounts.name')}>
        <input class="input" name="name" required maxLength={100} autocomplete="off" />
      </Field>
      <Field label={t('add.api_key')}>
        <input
          class="input mono"
          name="api_key"
          type="password"
          required
          autocomplete="off"
          placeholder="sk-…"
        />
      </Field>
      <Field label={t('add.baseUrl')} hint={t('add.baseUrlHint')}>
        <input class="input mono" name="base_url" type="url" autocomplete="off" />
      </Field>
      <Refused text={refused} />
      <button type="submit" class="button main">
        {t('accounts.add')}
      </button>
    </form>
  );
}

async function importFile(text: string): Promise<string | undefined> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    if (cause instanceof SyntaxError) return t('add.notJson');
    throw cause;
  }
  const account: NewAccountWire = { kind: 'chatgpt', auth_json: json };
  const answer = await call('POST', '/api/accounts', account);
  return answer.ok ? undefined : answer.message;
}

function AuthFile({ onDone }: DoneProps) {
  const [refused, setRefused] = useState<string>();
  const [over, setOver] = useState('');
  const take = async (texts: readonly Promise<string>[]): Promise<void> => {
    const outcomes = await Promise.all((await Promise.all(texts)).map(importFile));
    const failed = outcomes.find((outcome) => outcome !== undefined);
    if (failed === undefined) onDone(t('add.imported', { n: outcomes.length }));
    else setRefused(failed);
  };
  const files = (list: FileList | null | undefined): void =>
    void take([...(list ?? [])].map((file) => file.text()));
  const submit: Submit = (event) => {
    event.preventDefault();
    void take([Promise.resolve(valuesOf(event.currentTarget)['json'] ?? '')]);
  };
  return (
    <form class="stack" onSubmit={submit}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is one way of three; the others are a button and a field */}
      <div
        class={`drop ${over}`}
        onDragOver={(event) => {
          event.preventDefault();
          setOver('over');
        }}
        onDragLeave={() => setOver('')}
        onDrop={(event) => {
          event.preventDefault();
          setOver('');
          files(event.dataTransfer?.files);
        }}
      >
        <p>{t('add.drop')}</p>
        <input
          type="file"
          accept="application/json,.json"
          multiple
          aria-label={t('add.file')}
          onChange={(event) => files(event.currentTarget.files)}
        />
      </div>
      <Field label={t('add.paste')}>
        <textarea class="input" name="json" spellcheck={false} autocomplete="off" />
      </Field>
      <Refused text={refused} />
      <button type="submit" class="button main">
        {t('accounts.add')}
      </button>
    </form>
  );
}
