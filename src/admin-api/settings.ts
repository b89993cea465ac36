/** What an operator has set. */
export const NOTIFICATION_KINDS = ['webhook', 'ntfy', 'discord', 'slack', 'telegram', 'gotify'] as const;

export interface ChannelWire {
  readonly kind: (typeof NOTIFICATION_KINDS)[number];
  readonly url?: string;
  readonly token?: string;
  /** Of a Telegram chat. */
  readonly chat_id?: string;
  readonly events?: readonly string[];
}

export interface SettingsWire {
  readonly notifications?: readonly ChannelWire[];
}
