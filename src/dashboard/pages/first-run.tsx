/** From nothing to the first turn, one step after the other; each is ticked as soon as it has happened. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { AccountName } from '../components/account.tsx';
import { Snippets } from '../components/snippets.tsx';
import { t } from '../i18n/words.ts';
import { hrefOf } from '../model/route.ts';
import { useAppState } from '../model/store.ts';
import { NewKey } from './new-key.tsx';

export function FirstRun() {
  const accounts = useAppState((world) => world.accounts);
  const keys = useAppState((world) => world.keys);
  const first = useAppState((world) => world.requests[0]);
  const [copied, setCopied] = useState<'no' | 'yes'>('no');
  const [asked, setAsked] = useState<'no' | 'yes'>('no');
  const done = [accounts.length > 0, keys.length > 0, copied === 'yes', first !== undefined];
  const next = done.findIndex((one) => !one);
  const state = (index: number): string => (done[index] ? 'done' : index === next ? 'next' : '');
  return (
    <div class="page">
      <div class="verdict">
        <h1>{t('first.title')}</h1>
        <p>{t('first.intro')}</p>
      </div>
      <ol class="steps">
        <Step state={state(0)} title={t('first.account')} text={t('first.accountText')}>
          {accounts.map((account) => (
            <AccountName key={account.id} id={account.id} />
          ))}
          <div class="row wraps">
            <a class="button main" href={hrefOf('accounts', undefined, { add: 'device' })}>
              {t('add.device')}
            </a>
            <a class="button" href={hrefOf('accounts', undefined, { add: 'file' })}>
              {t('add.file')}
            </a>
            <a class="button" href={hrefOf('accounts', undefined, { add: 'api_key' })}>
              {t('add.api_key')}
            </a>
          </div>
        </Step>
        <Step state={state(1)} title={t('first.key')} text={t('first.keyText')}>
          <div>
            <button type="button" class="button" onClick={() => setAsked('yes')}>
              {t('keys.new')}
            </button>
          </div>
        </Step>
        <Step state={state(2)} title={t('first.snippet')} text={t('first.snippetText')}>
          <Snippets onCopy={() => setCopied('yes')} />
        </Step>
        <Step state={state(3)} title={t('first.turn')} text={t('first.turnText')} />
      </ol>
      <p>
        <a href={hrefOf('now', undefined, { skip: 'yes' })}>{t('first.skip')}</a>
      </p>
      {asked === 'yes' ? <NewKey onClose={() => setAsked('no')} /> : null}
    </div>
  );
}

interface StepProps {
  readonly state: string;
  readonly title: string;
  readonly text: string;
  readonly children?: ComponentChildren;
}

function Step({ state, title, text, children }: StepProps) {
  return (
    <li class={state} aria-current={state === 'next' ? 'step' : undefined}>
      <div class="stack">
        <div>
          <h2>{title}</h2>
          <p class="quiet">{text}</p>
        </div>
        {children}
      </div>
    </li>
  );
}
