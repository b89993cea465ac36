/**
 * What becomes known of turns: each is committed with its row before its client hears of the end, and told to
 * whoever watches the server.
 */
import type { AccountId, ResponseId, Tenant } from '../domain/ids.ts';
import type { Log } from '../log.ts';
import { responseName } from '../store/accounts/account-bindings.ts';
import type { CommittedTurn, Store } from '../store/store.ts';
import type { LiveTurn } from './turn/snapshot.ts';

export interface TurnLogOptions {
  readonly store: Store;
  readonly log: Log;
  readonly onTurn: (turn: CommittedTurn) => void;
  readonly onMoved: (turn: LiveTurn) => void;
}

export class TurnLog {
  readonly #options: TurnLogOptions;

  constructor(options: TurnLogOptions) {
    this.#options = options;
  }

  async commit(turn: CommittedTurn): Promise<void> {
    const { store, log, onTurn } = this.#options;
    await store.commitTurn(turn);
    const { row } = turn;
    log.info(
      {
        request: row.id,
        session: row.session,
        door: row.door,
        account: row.accountId,
        status: row.status,
        continuity: row.continuity,
        attempts: row.attempts.map((one) =>
          one.errorCode === undefined ? one.outcome : `${one.errorClass}:${one.errorCode}`,
        ),
        first_event_ms: row.firstEventMs,
        total_ms: row.totalMs,
        ...(row.error === undefined ? {} : { error_code: row.error.code }),
      },
      'turn',
    );
    this.#tell(() => onTurn(turn));
  }

  /** A counter or a live feed that fails is no reason to fail the turn that it is told of. */
  #tell(work: () => void): void {
    try {
      work();
    } catch (cause) {
      const { message, stack } = cause as Error;
      this.#options.log.error({ reason: message, stack }, 'a watcher of turns failed');
    }
  }

  /** A background response belongs to its account from its first event on, whatever becomes of this connection. */
  begun(tenant: Tenant, response: ResponseId, account: AccountId): void {
    const names = [responseName(response)];
    this.#options.store.bind(tenant, { names, account }).catch((cause: Error) => {
      this.#options.log.error({ reason: cause.message }, 'the owner of a background response is not saved');
    });
  }

  show(turn: LiveTurn): void {
    this.#tell(() => this.#options.onMoved(turn));
  }
}
