/**
 * Settings as the admin API takes and shows them. What was stored as a secret is never shown again; a client that
 * sends back what it was shown keeps it.
 */
import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { ListWire } from '../../admin-api/answer.ts';
import type { ChannelTestWire, ChannelWire, SettingsWire } from '../../admin-api/settings.ts';
import type { Channel } from '../../observability/notifications/channels.ts';
import { EVENTS } from '../../observability/notifications/incidents.ts';
import type { Tested } from '../../observability/notifications/notifier.ts';
import { refusal } from '../../protocol/refusal.ts';
import { sendRefusal } from '../answer.ts';
import type { Dependencies } from '../dependencies.ts';

const MASK = '…';
const MAX_CHANNELS = 20;
const TELEGRAM = 'https://api.telegram.org';

const url = z
  .string()
  .max(2000)
  .refine(isAddress, 'has to be an http or https address without a user name or password');
/** What a header can carry, or the mask. */
const token = z
  .string()
  .max(1000)
  .regex(/^([\x21-\x7e]+|…)$/, 'has to be one word of plain characters');
const common = {
  id: z.string().max(100).optional(),
  events: z.array(z.enum(EVENTS)).min(1).optional(),
};

const channelSchema = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.enum(['webhook', 'ntfy']), url, token: token.optional(), ...common }),
    z.strictObject({ kind: z.enum(['discord', 'slack']), url, ...common }),
    z.strictObject({ kind: z.literal('gotify'), url, token, ...common }),
    z.strictObject({
      kind: z.literal('telegram'),
      url: url.default(TELEGRAM),
      token: token.regex(/^[\w:-]+$|^…$/, 'has to be the token of a bot'),
      chat_id: z.union([z.string().min(1).max(100), z.int().transform(String)]),
      ...common,
    }),
  ],
  { error: 'kind: is one of webhook, ntfy, discord, slack, telegram and gotify, each with its own members' },
);

const settingsSchema = z.strictObject({
  notifications: z.array(channelSchema).max(MAX_CHANNELS).optional(),
});
const testSchema = z.strictObject({ index: z.int().min(0).optional() });

type Sent = z.infer<typeof channelSchema>;
type Read<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly reason: string };

export function settingsRoutes(app: FastifyInstance, { notifier }: Pick<Dependencies, 'notifier'>): void {
  const { channels } = notifier;
  const show = (): SettingsWire => ({ notifications: channels.all().map(channelToWire) });

  app.get('/api/settings', async () => show());

  app.put('/api/settings', async (request, reply) => {
    const read = readBody(settingsSchema, request.body);
    if (!read.ok) return sendRefusal(reply, refusal(400, 'invalid_value', read.reason));
    if (read.value.notifications === undefined) return show();
    const merged = mergeChannels(read.value.notifications, channels.all());
    if (!merged.ok) return sendRefusal(reply, refusal(400, 'invalid_value', merged.reason));
    await channels.replace(merged.value);
    return show();
  });

  app.post('/api/notifications/test', async (request, reply) => {
    const read = readBody(testSchema, request.body ?? {});
    if (!read.ok) return sendRefusal(reply, refusal(400, 'invalid_value', read.reason));
    const { index } = read.value;
    const chosen = index === undefined ? channels.all() : channels.all().slice(index, index + 1);
    if (index !== undefined && chosen.length === 0) {
      return sendRefusal(reply, refusal(400, 'invalid_value', `index: there is no channel ${index}.`));
    }
    return { data: (await notifier.test(chosen)).map(testedToWire) } satisfies ListWire<ChannelTestWire>;
  });
}

function readBody<Schema extends z.ZodType>(schema: Schema, body: unknown): Read<z.infer<Schema>> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return { ok: true, value: parsed.data };
  const issues = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`);
  return { ok: false, reason: issues.join('; ') };
}

function isAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === '';
}

/** Host and port alone: in a webhook the path is the password. */
function maskedUrl(text: string): string {
  const { protocol, host } = new URL(text);
  return `${protocol}//${host}/${MASK}`;
}

function channelToWire(channel: Channel): ChannelWire {
  return {
    id: channel.id,
    kind: channel.kind,
    url: maskedUrl(channel.url),
    ...(channel.token !== undefined && { token: MASK }),
    ...(channel.chatId !== undefined && { chat_id: channel.chatId }),
    ...(channel.events !== undefined && { events: channel.events }),
  };
}

function testedToWire({ channel, outcome }: Tested): ChannelTestWire {
  return outcome.ok
    ? { kind: channel.kind, ok: true }
    : { kind: channel.kind, ok: false, error: outcome.reason };
}

/** The channels that were sent, each mask replaced by what it stands for. */
function mergeChannels(sent: readonly Sent[], stored: readonly Channel[]): Read<readonly Channel[]> {
  const value: Channel[] = [];
  for (const [index, one] of sent.entries()) {
    const free = stored.filter(({ id }) => value.every((taken) => taken.id !== id));
    const channel = mergeChannel(one, free);
    if (!channel.ok) return { ok: false, reason: `notifications.${index}.${channel.reason}` };
    value.push(channel.value);
  }
  return { ok: true, value };
}

function mergeChannel(sent: Sent, stored: readonly Channel[]): Read<Channel> {
  const candidates = stored.filter((channel) => couldBe(sent, channel));
  const known = candidates.length === 1 ? candidates[0] : undefined;
  const sentToken = 'token' in sent ? sent.token : undefined;
  const masked = sent.url.endsWith(`/${MASK}`) ? 'url' : sentToken === MASK ? 'token' : undefined;
  if (masked !== undefined && known === undefined) {
    return {
      ok: false,
      reason: `${masked}: the mask stands for no stored channel, or for several; send the whole value, or also the id`,
    };
  }
  const { kind, events } = sent;
  return {
    ok: true,
    value: {
      id: known?.id ?? randomUUID(),
      kind,
      url: known !== undefined && masked === 'url' ? known.url : sent.url,
      token: sentToken === MASK ? known?.token : sentToken,
      chatId: 'chat_id' in sent ? sent.chat_id : undefined,
      events,
    },
  };
}

/** A stored token never follows to another address: whoever sets one must not learn the other. */
function couldBe(sent: Sent, stored: Channel): boolean {
  const sameAddress = sent.url === stored.url || sent.url === maskedUrl(stored.url);
  return sameAddress && sent.kind === stored.kind && (sent.id === undefined || sent.id === stored.id);
}
