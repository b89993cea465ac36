/** The way in: the admin token, once; the browser then keeps a cookie that no script can read. */
import { useState } from 'preact/hooks';
import { Field, type Submit, valuesOf } from '../components/form.tsx';
import { t } from '../i18n/words.ts';
import { call } from '../model/api.ts';
import { connect } from '../model/live.ts';

export function SignIn() {
  const [refused, setRefused] = useState<string>();
  const [state, setState] = useState<'idle' | 'asking'>('idle');
  const submit: Submit = async (event) => {
    event.preventDefault();
    const { token = '' } = valuesOf(event.currentTarget);
    setState('asking');
    const answer = await call('POST', '/api/login', { token });
    setState('idle');
    if (answer.ok) connect();
    else setRefused(inWords(answer));
  };
  return (
    <main class="sign-in">
      <form class="card stack" onSubmit={submit}>
        <div class="row">
          <img src="/favicon.svg" alt="" width="28" height="28" />
          <h1>respool</h1>
        </div>
        <Field label={t('signIn.token')} hint={t('signIn.hint')}>
          <input
            class="input mono"
            type="password"
            name="token"
            required
            autocomplete="current-password"
            aria-invalid={refused !== undefined}
            aria-describedby="refused"
          />
        </Field>
        <p id="refused" class={refused === undefined ? 'unseen' : 'notice bad'} role="alert">
          {refused}
        </p>
        <button type="submit" class="button main" disabled={state === 'asking'}>
          {t('do.signIn')}
        </button>
      </form>
    </main>
  );
}

function inWords(answer: { status: number; message: string }): string {
  if (answer.status === 401) return t('signIn.wrong');
  if (answer.status === 0) return t('signIn.away');
  return answer.message;
}
