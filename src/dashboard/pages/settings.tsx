/** Keys, snippets, notifications, backup, and how this page looks. */
import { useState } from 'preact/hooks';
import type { BackupWire } from '../../admin-api/status.ts';
import { Choice } from '../components/form.tsx';
import { Snippets } from '../components/snippets.tsx';
import { tell } from '../components/toast.tsx';
import { bytes, span } from '../i18n/format.ts';
import { t } from '../i18n/words.ts';
import { call } from '../model/api.ts';
import { like, usePreferences } from '../model/preferences.ts';
import type { PageProps } from '../model/route.ts';
import { useAppState } from '../model/store.ts';
import { Keys } from './keys.tsx';
import { Notifications } from './notifications.tsx';

export function Settings(_props: PageProps) {
  return (
    <div class="page">
      <header>
        <h1>{t('page.settings')}</h1>
      </header>
      <Keys />
      <section class="section">
        <h2>{t('snippets.title')}</h2>
        <Snippets />
      </section>
      <Notifications />
      <Backup />
      <Appearance />
      <About />
    </div>
  );
}

function Backup() {
  const [made, setMade] = useState<{ readonly file: string; readonly bytes: number }>();
  const [state, setState] = useState<'idle' | 'asking'>('idle');
  const start = async (): Promise<void> => {
    setState('asking');
    const answer = await call<BackupWire>('POST', '/api/backup');
    setState('idle');
    if (answer.ok) setMade(answer.value);
    else tell(answer.message);
  };
  return (
    <section class="section">
      <h2>{t('backup.title')}</h2>
      <div class="card row apart wraps">
        <p class="breaks">
          {made === undefined ? (
            t('backup.text')
          ) : (
            <>
              {t('backup.done')} <code>{made.file}</code> ({bytes(made.bytes)})
            </>
          )}
        </p>
        <button type="button" class="button" disabled={state === 'asking'} onClick={() => void start()}>
          {t('backup.do')}
        </button>
      </div>
    </section>
  );
}

function Appearance() {
  const { scheme, language, emails } = usePreferences();
  return (
    <section class="section">
      <h2>{t('look.title')}</h2>
      <div class="card row wraps">
        <Choice
          label={t('look.scheme')}
          options={(['system', 'light', 'dark'] as const).map((one) => [one, t(`look.${one}`)])}
          value={scheme}
          onChange={(chosen) => like({ scheme: chosen })}
        />
        <Choice
          label={t('look.language')}
          options={[
            ['en', 'English'],
            ['zh', '中文'],
          ]}
          value={language}
          onChange={(chosen) => like({ language: chosen })}
        />
        <Choice
          label={t('look.emails')}
          options={[
            ['shown', t('look.emailsShown')],
            ['blurred', t('look.emailsBlurred')],
          ]}
          value={emails}
          onChange={(chosen) => like({ emails: chosen })}
        />
      </div>
    </section>
  );
}

function About() {
  const status = useAppState((world) => world.status);
  if (status === undefined) return null;
  const { version, data_dir: place, uptime_seconds: uptime } = status;
  return (
    <p class="small quiet breaks">
      respool {version} · {place} · {t('about.uptime', { span: span(uptime) })}
    </p>
  );
}
