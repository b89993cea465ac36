/** The turns that run at this moment. */
import type { TurnWire } from '../../admin-api/turn.ts';
import { AccountName } from '../components/account.tsx';
import { useKeyName } from '../components/key-name.tsx';
import { Age } from '../components/time.tsx';
import { t, wordFor } from '../i18n/words.ts';
import { hrefOf } from '../model/route.ts';
import { useAppState } from '../model/store.ts';

const MAX_SHOWN = 100;

export function RunningTurns() {
  const turns = useAppState((world) => world.turns);
  return (
    <section class="section">
      <h2>
        {t('now.running')} <span class="quiet">{turns.length > 0 ? turns.length : ''}</span>
      </h2>
      {turns.length === 0 ? (
        <p class="quiet">{t('now.nothingRuns')}</p>
      ) : (
        <ul class="card tight lines">
          {turns.slice(0, MAX_SHOWN).map((turn) => (
            <TurnRow key={turn.id} turn={turn} />
          ))}
        </ul>
      )}
    </section>
  );
}

function TurnRow({ turn }: { readonly turn: TurnWire }) {
  const key = useKeyName(turn.tenant);
  return (
    <li>
      <a class="line turn" href={hrefOf('sessions', turn.session)}>
        <span class="clip">{turn.client === 'codex' ? `Codex · ${key}` : key}</span>
        <span class="clip wide">{turn.model}</span>
        <AccountName id={turn.account_id} />
        <span class={turn.phase === 'output' ? 'badge good' : 'badge plain'}>
          {wordFor('phase', turn.phase)}
        </span>
        <span class="number quiet wide">
          <TurnPace id={turn.id} />
        </span>
        <span class="number quiet">
          <Age since={turn.started_at} />
        </span>
      </a>
    </li>
  );
}

function TurnPace({ id }: { readonly id: string }) {
  const perSecond = useAppState((world) => world.paces.get(id)?.perSecond ?? 0);
  return <>{perSecond > 0 ? t('now.pace', { n: Math.round(perSecond) }) : ''}</>;
}
