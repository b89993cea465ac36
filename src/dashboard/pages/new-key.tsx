/** Makes a key, and shows it the one time it can be seen. */
import { useState } from 'preact/hooks';
import type { KeyDraftWire, KeyLimitsWire, KeyWire, NewKeyWire } from '../../admin-api/key.ts';
import { Code } from '../components/code.tsx';
import { Dialog } from '../components/dialog.tsx';
import { Field, type Submit, valuesOf } from '../components/form.tsx';
import { Refused } from '../components/refused.tsx';
import { t } from '../i18n/words.ts';
import { call } from '../model/api.ts';
import { readKeys } from '../model/live.ts';
import { namesOf } from '../model/names.ts';

const LIMITS = namesOf<keyof KeyLimitsWire>({
  requests_per_minute: true,
  tokens_per_day: true,
  concurrent_turns: true,
});

export interface KeyDialogProps {
  /** Absent: a new one. */
  readonly of?: KeyWire;
  readonly onClose: () => void;
}

export function NewKey({ of, onClose }: KeyDialogProps) {
  const [made, setMade] = useState<string>();
  const [refused, setRefused] = useState<string>();
  const submit: Submit = async (event) => {
    event.preventDefault();
    const body = draftOf(valuesOf(event.currentTarget));
    const answer =
      of === undefined
        ? await call<NewKeyWire>('POST', '/api/keys', body)
        : await call<Partial<NewKeyWire>>('PATCH', `/api/keys/${of.id}`, body);
    if (!answer.ok) return setRefused(answer.message);
    await readKeys();
    if (answer.value.key === undefined) onClose();
    else setMade(answer.value.key);
  };
  return (
    <Dialog title={of?.name ?? t('keys.new')} onClose={onClose}>
      {made === undefined ? (
        <form class="stack" onSubmit={submit}>
          <KeyFields of={of} />
          <Refused text={refused} />
          <button type="submit" class="button main">
            {t(of === undefined ? 'keys.make' : 'do.save')}
          </button>
        </form>
      ) : (
        <>
          <p>{t('keys.onlyNow')}</p>
          <Code text={made} label={t('keys.key')} />
        </>
      )}
    </Dialog>
  );
}

function KeyFields({ of }: { readonly of: KeyWire | undefined }) {
  return (
    <>
      <Field label={t('keys.name')} hint={t('keys.nameHint')}>
        <input
          class="input"
          name="name"
          required
          maxLength={100}
          autocomplete="off"
          defaultValue={of?.name ?? ''}
        />
      </Field>
      {LIMITS.map((limit) => (
        <Field key={limit} label={t(`keys.${limit}`)}>
          <input
            class="input"
            name={limit}
            type="number"
            min="1"
            step="1"
            placeholder={t('keys.unlimited')}
            defaultValue={`${of?.limits[limit] ?? ''}`}
          />
        </Field>
      ))}
      <Field label={t('keys.models')} hint={t('keys.modelsHint')}>
        <input
          class="input mono"
          name="models"
          autocomplete="off"
          defaultValue={of?.models?.join(', ') ?? ''}
        />
      </Field>
    </>
  );
}

function draftOf(values: Readonly<Record<string, string>>): KeyDraftWire {
  const limits = LIMITS.map((limit) => [limit, values[limit] === undefined ? null : Number(values[limit])]);
  const models = (values['models'] ?? '').split(/[\s,]+/).filter((model) => model !== '');
  return {
    name: values['name'] ?? '',
    limits: Object.fromEntries(limits),
    models: models.length === 0 ? null : models,
  };
}
