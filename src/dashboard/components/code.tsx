/** Text to take away. */
import { t } from '../i18n/words.ts';
import { tell } from './toast.tsx';

/** Pages that came over plain HTTP from elsewhere have no clipboard; then the text is selected by hand. */
export async function copy(text: string): Promise<void> {
  if (navigator.clipboard === undefined) {
    tell(t('copy.byHand'));
    return;
  }
  await navigator.clipboard.writeText(text);
  tell(t('copy.done'));
}

export interface CodeProps {
  readonly text: string;
  readonly label: string;
  readonly onCopy?: () => void;
}

export function Code({ text, label, onCopy }: CodeProps) {
  return (
    <div class="code">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a block that scrolls has to be reachable by keyboard */}
      <section tabIndex={0} aria-label={label}>
        <pre>{text}</pre>
      </section>
      <button
        type="button"
        class="button slim"
        onClick={() => {
          void copy(text);
          onCopy?.();
        }}
      >
        {t('do.copy')}
      </button>
    </div>
  );
}
