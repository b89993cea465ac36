/** How a turn ended, in a word and a tone. */
import type { RequestRow, TurnStatus } from '../model/wire.ts';
import { t, wordFor } from '../words/words.ts';

const TONES: Readonly<Record<TurnStatus, string>> = {
  completed: 'calm',
  incomplete: 'warn',
  failed: 'bad',
  cancelled: '',
};

export function TurnBadge({ row }: { readonly row: RequestRow }) {
  const moves = new Set(row.attempts.map((attempt) => attempt.account_id)).size - 1;
  return (
    <span class="row">
      <span class={`badge ${TONES[row.status]}`}>{wordFor('turn', row.status)}</span>
      {moves > 0 ? (
        <span class="badge plain" title={t('turn.moved')}>
          {t('turn.moves', { n: moves })}
        </span>
      ) : null}
    </span>
  );
}
