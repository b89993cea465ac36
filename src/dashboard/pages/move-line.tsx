/** One change of account in one line: from where to where, why, and how the conversation was kept. */

import { useAccountName } from '../components/account.tsx';
import { codeInWords, hasWords, t, wordFor } from '../i18n/words.ts';
import type { Move, Reason, Told } from '../model/timeline.ts';

export interface MoveLineProps {
  readonly move: Told;
  /** Items of the history that went along, where that is known. */
  readonly items?: number | undefined;
}

export function MoveLine({ move, items }: MoveLineProps) {
  const from = useAccountName(move.from);
  const to = useAccountName(move.to);
  const reason = move.reason === undefined ? t('move.noReason') : reasonInWords(move.reason);
  return (
    <span data-move={`${from} ${to}`}>
      {t('move.line', { from, to })} · {reason}
      {move.row === undefined ? '' : ` · ${keptHow(move, items)}`}
    </span>
  );
}

/** A code that has words of its own says more than its class; any other says less. */
function reasonInWords(reason: Reason): string {
  if (reason.class === undefined || hasWords(reason.code)) return codeInWords(reason.code);
  return wordFor('class', reason.class);
}

function keptHow({ continuity, row }: Move, items: number | undefined): string {
  if (row.status === 'failed' || row.status === 'cancelled') return t('kept.notYet');
  if (continuity === 'snapshot' && items !== undefined) return t('kept.items', { n: items });
  return wordFor('kept', continuity);
}
