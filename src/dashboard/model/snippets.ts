/**
 * What to paste into a client so that it talks to this server, at the address under which this page was reached. The
 * command line prints the same; a test holds the two together.
 */
export const SNIPPETS = ['codex', 'curl', 'python', 'js'] as const;
export type SnippetKind = (typeof SNIPPETS)[number];

const MODEL = 'gpt-5.5';

export function snippetFor(kind: SnippetKind, origin: string): string {
  const host = new URL(origin).hostname;
  const local = host === 'localhost' || host === '[::1]' || host.startsWith('127.');
  return { codex, curl, python, js }[kind](`${origin}/v1`, local ? 'none' : 'needed');
}

type NeedsKey = 'none' | 'needed';

function codex(api: string, key: NeedsKey): string {
  const line = 'env_key = "RSP_API_KEY"';
  return `# ~/.codex/config.toml
model_provider = "respool"

[model_providers.respool]
# Not "OpenAI": under that name Codex lets the upstream account compact a long conversation into a sealed
# item that only this account can open. Under any other name it compacts in plain text, which can move.
name = "respool"
base_url = "${api}"
wire_api = "responses"
supports_websockets = true
${key === 'needed' ? line : `# ${line}   # only needed from another machine`}`;
}

function curl(api: string, key: NeedsKey): string {
  const auth = key === 'needed' ? '\n  -H "authorization: Bearer $RSP_API_KEY" \\' : '';
  return `curl ${api}/responses \\${auth}
  -H 'content-type: application/json' \\
  -d '{"model": "${MODEL}", "input": "Say hello."}'`;
}

function python(api: string, key: NeedsKey): string {
  const value = key === 'needed' ? 'os.environ["RSP_API_KEY"]' : '"none"';
  return `${key === 'needed' ? 'import os\n' : ''}from openai import OpenAI

client = OpenAI(base_url="${api}", api_key=${value})
first = client.responses.create(model="${MODEL}", input="My name is Ada.")
second = client.responses.create(
    model="${MODEL}", input="What is my name?", previous_response_id=first.id
)
print(second.output_text)`;
}

function js(api: string, key: NeedsKey): string {
  const value = key === 'needed' ? 'process.env.RSP_API_KEY' : "'none'";
  return `import OpenAI from 'openai';

const client = new OpenAI({ baseURL: '${api}', apiKey: ${value} });
const stream = await client.responses.create({ model: '${MODEL}', input: 'Say hello.', stream: true });
for await (const event of stream) {
  if (event.type === 'response.output_text.delta') process.stdout.write(event.delta);
}`;
}
