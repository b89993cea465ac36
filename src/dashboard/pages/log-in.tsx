/**
 * Logging an account in: with a code on any device, or in this browser, whose last address is pasted back. How it
 * went is asked when the reader returns to the page or an account changes, never all the time.
 */
import { useCallback, useEffect, useState } from 'preact/hooks';
import type { LoginCallbackWire, LoginMethod, LoginStartWire, LoginWire } from '../../admin-api/login.ts';
import { copy } from '../components/code.tsx';
import { Field, type Submit, valuesOf } from '../components/form.tsx';
import { Refused } from '../components/refused.tsx';
import { Countdown } from '../components/time.tsx';
import { loginFailureInWords, t } from '../i18n/words.ts';
import { call } from '../model/api.ts';
import { useAppState } from '../model/store.ts';

const ASKED_AFTER_MS = 4000;

export interface LogInProps {
  readonly method: LoginMethod;
  readonly onDone: () => void;
}

export function LogIn({ method, onDone }: LogInProps) {
  const [login, setLogin] = useState<LoginWire>();
  const [refused, setRefused] = useState<string>();
  const start = async (): Promise<void> => {
    setRefused(undefined);
    const begin: LoginStartWire = { method };
    const answer = await call<LoginWire>('POST', '/api/logins', begin);
    if (answer.ok) setLogin(answer.value);
    else setRefused(answer.message);
  };
  const fail = (message: string): void => {
    setLogin(undefined);
    setRefused(message);
  };
  return (
    <div class="stack">
      <p>{t(`logIn.${method}`)}</p>
      <Refused text={refused} />
      {login === undefined ? (
        <button type="button" class="button main" onClick={() => void start()}>
          {t('logIn.start')}
        </button>
      ) : (
        <Pending login={login} onDone={onDone} onFail={fail} />
      )}
    </div>
  );
}

interface PendingProps {
  readonly login: LoginWire;
  readonly onDone: () => void;
  readonly onFail: (message: string) => void;
}

function Pending({ login, onDone, onFail }: PendingProps) {
  useOutcome(login, onDone, onFail);
  return (
    <>
      {login.user_code === undefined ? null : (
        <div class="stack tight">
          <span class="small quiet">{t('logIn.code')}</span>
          <div class="row wraps">
            <strong class="user-code">{login.user_code}</strong>
            <button type="button" class="button slim" onClick={() => void copy(login.user_code ?? '')}>
              {t('do.copy')}
            </button>
          </div>
        </div>
      )}
      <a class="button main" href={login.url} target="_blank" rel="noreferrer">
        {t('logIn.open')}
      </a>
      {login.user_code === undefined ? <PasteBack login={login} onDone={onDone} onFail={onFail} /> : null}
      <p class="small quiet" role="status">
        {t('logIn.waiting')} <Countdown to={login.expires_at} />
      </p>
    </>
  );
}

function useOutcome(login: LoginWire, onDone: () => void, onFail: (message: string) => void): void {
  const accounts = useAppState((world) => world.accounts);
  const look = useCallback(async () => {
    const answer = await call<LoginWire>('GET', `/api/logins/${login.id}`);
    if (!answer.ok) return;
    const { status } = answer.value;
    if (status === 'complete') onDone();
    if (status === 'failed') onFail(reasonOf(answer.value));
  }, [login.id, onDone, onFail]);
  // An account that changed may be the one that logs in.
  useEffect(() => {
    void look();
    // The account comes first, what is left of it is asked for, and then the login is over.
    const again = setTimeout(() => void look(), ASKED_AFTER_MS);
    return () => clearTimeout(again);
  }, [accounts, look]);
  useEffect(() => {
    const seen = (): void => void look();
    addEventListener('focus', seen);
    const atEnd = setTimeout(seen, Math.max(0, login.expires_at * 1000 - Date.now()) + 1000);
    return () => {
      removeEventListener('focus', seen);
      clearTimeout(atEnd);
    };
  }, [look, login.expires_at]);
}

function reasonOf({ error }: LoginWire): string {
  return error === undefined ? t('logIn.failed') : loginFailureInWords(error);
}

function PasteBack({ login, onDone, onFail }: PendingProps) {
  const [refused, setRefused] = useState<string>();
  const submit: Submit = async (event) => {
    event.preventDefault();
    const { url = '' } = valuesOf(event.currentTarget);
    const back: LoginCallbackWire = { url };
    const answer = await call<LoginWire>('POST', `/api/logins/${login.id}/callback`, back);
    if (!answer.ok) setRefused(answer.message);
    else if (answer.value.status === 'failed') onFail(reasonOf(answer.value));
    else onDone();
  };
  return (
    <form class="stack" onSubmit={submit}>
      <Field label={t('logIn.pasteBack')} hint={t('logIn.pasteBackHint')}>
        <input
          class="input mono"
          name="url"
          required
          autocomplete="off"
          placeholder="http://localhost:1455/…"
        />
      </Field>
      <Refused text={refused} />
      <button type="submit" class="button">
        {t('logIn.finish')}
      </button>
    </form>
  );
}
