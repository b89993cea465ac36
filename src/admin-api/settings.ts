/** What an operator has set: where people are told that something needs them. */

export type ChannelKind = 'webhook' | 'ntfy' | 'discord' | 'slack' | 'telegram' | 'gotify';

export type NotificationEvent =
  | 'account_exhausted'
  | 'account_back'
  | 'login_needed'
  | 'pool_exhausted'
  | 'pool_back'
  | 'disk_trouble'
  | 'disk_back';

/** Secrets are masked; a mask that comes back stands for what it hides. */
export interface ChannelWire {
  readonly id: string;
  readonly kind: ChannelKind;
  readonly url: string;
  readonly token?: string;
  /** Of a Telegram chat. */
  readonly chat_id?: string;
  /** Absent: all. */
  readonly events?: readonly NotificationEvent[];
}

/** One without an id is new, or is known by its kind and address. */
export type ChannelDraftWire = Pick<ChannelWire, 'kind'> & Partial<ChannelWire>;

/** `GET /api/settings`. */
export interface SettingsWire {
  readonly notifications: readonly ChannelWire[];
}

/** The body of `PUT /api/settings`: members that are not named stay as they are. */
export interface SettingsChangesWire {
  readonly notifications?: readonly ChannelDraftWire[];
}

/** One entry of the answer to `POST /api/notifications/test`. */
export interface ChannelTestWire {
  readonly kind: ChannelKind;
  readonly ok: boolean;
  /** Why it did not arrive. */
  readonly error?: string;
}
