/** The verb `snippet`: what to paste into a client so that it talks to this server. */
import type { Config } from '../config.ts';
import { baseUrl } from '../server/base-url.ts';
import type { CommandContext } from './context.ts';
import { settingsFrom } from './settings.ts';

export type SnippetKind = 'codex' | 'curl' | 'python' | 'js';

export interface SnippetOptions {
  /** As a client reaches the server, without `/v1`. */
  readonly url?: string;
  readonly model: string;
  /** Codex: every turn as a request of its own, for networks that let no WebSocket through. */
  readonly http?: true;
}

/** Holds a key made with `respool keys create` on the client's machine; `RESPOOL_*` names are the server's own. */
const KEY_VARIABLE = 'RSP_API_KEY';

export function showSnippet(context: CommandContext, kind: SnippetKind, options: SnippetOptions): void {
  context.print(snippet(kind, settingsFrom(context.env), options));
}

/** `config` gives the address unless the options name one. Any address but this machine's own needs a key. */
export function snippet(
  kind: SnippetKind,
  config: Pick<Config, 'host' | 'port'>,
  options: SnippetOptions,
): string {
  const url = options.url?.replace(/\/+$/, '') ?? baseUrl(config);
  const write = { codex, curl, python, js }[kind];
  const door = options.http === undefined ? 'websocket' : 'http';
  return write({ api: `${url}/v1`, model: options.model, door, key: isLocal(url) ? 'none' : 'needed' });
}

interface Target {
  readonly api: string;
  readonly model: string;
  readonly door: 'websocket' | 'http';
  readonly key: 'none' | 'needed';
}

function isLocal(url: string): boolean {
  const host = URL.parse(url)?.hostname ?? '';
  return host === 'localhost' || host === '[::1]' || host.startsWith('127.');
}

function codex({ api, door, key }: Target): string {
  const keyLine = `env_key = "${KEY_VARIABLE}"`;
  return `# ~/.codex/config.toml
model_provider = "respool"

[model_providers.respool]
# Not "OpenAI": under that name Codex lets the upstream account compact a long conversation into a sealed
# item that only this account can open. Under any other name it compacts in plain text, which can move.
name = "respool"
base_url = "${api}"
wire_api = "responses"
supports_websockets = ${door === 'websocket'}
${key === 'needed' ? keyLine : `# ${keyLine}   # only needed from another machine`}`;
}

function curl({ api, model, key }: Target): string {
  const auth = key === 'needed' ? `\n  -H "authorization: Bearer $${KEY_VARIABLE}" \\` : '';
  return `curl ${api}/responses \\${auth}
  -H 'content-type: application/json' \\
  -d '{"model": "${model}", "input": "Say hello."}'`;
}

function python({ api, model, key }: Target): string {
  const value = key === 'needed' ? `os.environ["${KEY_VARIABLE}"]` : '"none"';
  return `${key === 'needed' ? 'import os\n' : ''}from openai import OpenAI

client = OpenAI(base_url="${api}", api_key=${value})
first = client.responses.create(model="${model}", input="My name is Ada.")
second = client.responses.create(
    model="${model}", input="What is my name?", previous_response_id=first.id
)
print(second.output_text)`;
}

function js({ api, model, key }: Target): string {
  const value = key === 'needed' ? `process.env.${KEY_VARIABLE}` : "'none'";
  return `import OpenAI from 'openai';

const client = new OpenAI({ baseURL: '${api}', apiKey: ${value} });
const stream = await client.responses.create({ model: '${model}', input: 'Say hello.', stream: true });
for await (const event of stream) {
  if (event.type === 'response.output_text.delta') process.stdout.write(event.delta);
}`;
}
