/**
 * The channels that are set, kept sealed: the address of a webhook is as good as a password. Knows nothing of what
 * is sent over them.
 */
import type { Store } from '../../store/store.ts';
import type { Channel } from './channels.ts';

const NAME = 'notifications';
const AAD = `setting:${NAME}`;

export class ChannelList {
  readonly #store: Pick<Store, 'settings' | 'secrets'>;
  #channels: readonly Channel[];

  constructor(store: Pick<Store, 'settings' | 'secrets'>) {
    this.#store = store;
    const sealed = store.settings.get(NAME);
    this.#channels =
      typeof sealed === 'string'
        ? JSON.parse(store.secrets.open(Buffer.from(sealed, 'base64'), AAD).toString())
        : [];
  }

  all(): readonly Channel[] {
    return this.#channels;
  }

  /** Throws `StoreError` when they could not be kept. */
  async replace(channels: readonly Channel[]): Promise<void> {
    const sealed = this.#store.secrets.seal(Buffer.from(JSON.stringify(channels)), AAD);
    await this.#store.settings.set(NAME, sealed.toString('base64'));
    this.#channels = channels;
  }
}
