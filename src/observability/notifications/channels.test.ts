import { expect, test } from 'vitest';
import type { ChannelKind } from '../../admin-api/settings.ts';
import type { AlertText } from './alert-text.ts';
import { type Channel, render, wants } from './channels.ts';

const alert: AlertText = {
  event: 'pool_exhausted',
  title: 'No account can serve',
  text: 'No account <can> serve & so on.',
  at: 1_700_000_000_500,
  availableAt: 1_700_000_600_000,
};

const channel = (kind: ChannelKind, more: Partial<Channel> = {}): Channel => ({
  id: 'one',
  kind,
  url: 'https://example.com/path',
  token: 'secret',
  ...more,
});

const json = (body: string): unknown => JSON.parse(body);

test('a webhook is told everything in JSON', () => {
  const { url, headers, body } = render(channel('webhook'), alert);
  expect(url).toBe('https://example.com/path');
  expect(headers).toEqual({ 'content-type': 'application/json', authorization: 'Bearer secret' });
  expect(json(body)).toEqual({
    event: 'pool_exhausted',
    title: 'No account can serve',
    text: alert.text,
    at: 1_700_000_000,
    account_id: null,
    available_at: 1_700_000_600,
  });
});

test('without a token a webhook and ntfy are sent none', () => {
  for (const kind of ['webhook', 'ntfy'] as const) {
    const { headers } = render(channel(kind, { token: undefined }), alert);
    expect(headers).not.toHaveProperty('authorization');
  }
});

test('ntfy is sent the text, with title and priority in headers', () => {
  expect(render(channel('ntfy'), alert)).toEqual({
    url: 'https://example.com/path',
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      title: 'respool: No account can serve',
      priority: 'high',
      authorization: 'Bearer secret',
    },
    body: alert.text,
  });
});

test('Discord mentions nobody', () => {
  const { body } = render(channel('discord'), alert);
  expect(json(body)).toEqual({ content: `respool: ${alert.text}`, allowed_mentions: { parse: [] } });
});

test('Slack reads no markup', () => {
  const { body } = render(channel('slack'), alert);
  expect(json(body)).toEqual({ text: 'respool: No account &lt;can&gt; serve &amp; so on.' });
});

test('Telegram takes the token in its path and the chat in the body', () => {
  const { url, headers, body } = render(
    channel('telegram', { url: 'https://example.com/', chatId: '-100' }),
    alert,
  );
  expect(url).toBe('https://example.com/botsecret/sendMessage');
  expect(headers).toEqual({ 'content-type': 'application/json' });
  expect(json(body)).toEqual({ chat_id: '-100', text: `respool: ${alert.text}` });
});

test('Gotify takes its token in a header', () => {
  const { url, headers, body } = render(channel('gotify'), alert);
  expect(url).toBe('https://example.com/path/message');
  expect(headers['x-gotify-key']).toBe('secret');
  expect(json(body)).toMatchObject({ message: alert.text, priority: 8 });
});

test('a channel hears of what it asked for, and of a test', () => {
  const picky = channel('ntfy', { events: ['account_back'] });
  expect(wants(picky, alert)).toBe(false);
  expect(wants(picky, { ...alert, event: 'account_back' })).toBe(true);
  expect(wants(picky, { ...alert, event: 'test' })).toBe(true);
  expect(wants(channel('ntfy'), alert)).toBe(true);
});
