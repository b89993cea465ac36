/**
 * Where announcements go, as data: what each kind of channel wants to be sent. Knows neither the network nor when
 * something is announced.
 */
import type { ChannelKind } from '../../admin-api/settings.ts';
import type { AlertText } from './alert-text.ts';
import type { Event } from './incidents.ts';

/** Which members a kind needs is checked where a channel comes in (`http/admin/settings.ts`). */
export interface Channel {
  readonly id: string;
  readonly kind: ChannelKind;
  readonly url: string;
  readonly token?: string | undefined;
  readonly chatId?: string | undefined;
  /** Default: all. */
  readonly events?: readonly Event[] | undefined;
}

type Target = Pick<Channel, 'url' | 'token' | 'chatId'>;

/** A POST. */
export interface Outgoing {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const URGENT: ReadonlySet<AlertText['event']> = new Set(['login_needed', 'pool_exhausted', 'disk_trouble']);

const RENDER: Readonly<Record<ChannelKind, (target: Target, alert: AlertText) => Outgoing>> = {
  webhook: ({ url, token }, alert) =>
    json(url, webhookBody(alert), token === undefined ? {} : { authorization: `Bearer ${token}` }),

  ntfy: ({ url, token }, { event, title, text }) => ({
    url,
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      title: `respool: ${title}`,
      priority: URGENT.has(event) ? 'high' : 'default',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: text,
  }),

  discord: ({ url }, { text }) => json(url, { content: `respool: ${text}`, allowed_mentions: { parse: [] } }),

  slack: ({ url }, { text }) => json(url, { text: `respool: ${withoutMarkup(text)}` }),

  telegram: ({ url, token, chatId }, { text }) =>
    json(below(url, `bot${token}/sendMessage`), { chat_id: chatId, text: `respool: ${text}` }),

  gotify: ({ url, token }, { event, title, text }) =>
    json(
      below(url, 'message'),
      { title: `respool: ${title}`, message: text, priority: URGENT.has(event) ? 8 : 5 },
      { 'x-gotify-key': token ?? '' },
    ),
};

export function render(channel: Channel, alert: AlertText): Outgoing {
  return RENDER[channel.kind](channel, alert);
}

/** Whether this channel wants to hear of it; a test is for everyone. */
export function wants({ events }: Channel, { event }: AlertText): boolean {
  return event === 'test' || events === undefined || events.includes(event);
}

function json(url: string, body: object, headers: Readonly<Record<string, string>> = {}): Outgoing {
  return { url, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
}

const seconds = (at: number | undefined): number | null => (at === undefined ? null : Math.ceil(at / 1000));

function webhookBody({ event, title, text, at, accountId, availableAt }: AlertText): object {
  return {
    event,
    title,
    text,
    at: Math.floor(at / 1000),
    account_id: accountId ?? null,
    available_at: seconds(availableAt),
  };
}

/** Both Bot API and Gotify may live below a path. */
function below(url: string, path: string): string {
  return `${url.replace(/\/+$/, '')}/${path}`;
}

/** Slack reads `<!channel>` and links out of plain text. */
function withoutMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
