/** How a turn ended, in a word and a tone. */
import type { RequestStatus, RequestWire } from '../../admin-api/request.ts';
import { t, wordFor } from '../i18n/words.ts';

const TONES: Readonly<Record<RequestStatus, string>> = {
  completed: 'calm',
  incomplete: 'warn',
  failed: 'bad',
  cancelled: '',
};

export function TurnBadge({ row }: { readonly row: RequestWire }) {
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
