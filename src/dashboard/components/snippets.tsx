/** The snippets for clients, one at a time. */
import { useState } from 'preact/hooks';
import { t } from '../i18n/words.ts';
import { SNIPPETS, type SnippetKind, snippetFor } from '../model/snippets.ts';
import { Code } from './code.tsx';
import { Choice } from './form.tsx';

const NAMES: Readonly<Record<SnippetKind, string>> = {
  codex: 'Codex CLI',
  curl: 'curl',
  python: 'Python',
  js: 'JavaScript',
};

export function Snippets({ onCopy }: { readonly onCopy?: () => void }) {
  const [kind, setKind] = useState<SnippetKind>('codex');
  return (
    <div class="stack">
      <Choice
        label={t('snippets.client')}
        options={SNIPPETS.map((one) => [one, NAMES[one]])}
        value={kind}
        onChange={setKind}
      />
      <Code
        text={snippetFor(kind, location.origin)}
        label={NAMES[kind]}
        {...(onCopy === undefined ? {} : { onCopy })}
      />
    </div>
  );
}
