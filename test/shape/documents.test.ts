import { readFileSync } from 'node:fs';
import { transformSync } from 'esbuild';
import { expect, test } from 'vitest';
import { snippet } from '../../src/cli/snippet.ts';
import { ENVIRONMENT } from '../../src/config.ts';
import { SNIPPETS, snippetFor } from '../../src/dashboard/model/snippets.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const readme = read('README.md');

function block(language: string): string {
  const found = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'ms').exec(readme);
  return found?.[1]?.trimEnd() ?? '';
}

test('.env.example holds every variable once, in order, with its default and its meaning', () => {
  const lines = read('.env.example').split('\n');
  const variables = lines.flatMap((line, i) => {
    const [, name, value] = /^# (RESPOOL_[A-Z_]+)=(.*)$/.exec(line) ?? [];
    return name === undefined ? [] : [{ name, default: value, meaning: lines[i - 1]?.replace('# ', '') }];
  });
  expect(variables).toEqual(ENVIRONMENT);
});

test.each(ENVIRONMENT)('the README explains $name', (variable) => {
  const value = variable.default === '' ? '' : `\`${variable.default}\``;
  const row = [`\`${variable.name}\``, value, variable.meaning].join(' | ').replaceAll(/ +/g, ' ');
  expect(readme.replaceAll(/ +/g, ' ')).toContain(`| ${row} |`);
});

test.each([
  ['codex', 'toml'],
  ['python', 'python'],
  ['js', 'js'],
] as const)('the README shows what "snippet %s" prints', (kind, language) => {
  const printed = snippet(kind, { host: '127.0.0.1', port: 8411 }, { model: 'gpt-5.5' });
  expect(block(language)).toBe(printed);
});

test('the Codex configuration without WebSockets differs in that only', () => {
  const config = { host: '127.0.0.1', port: 8411 };
  const usual = snippet('codex', config, { model: 'gpt-5.5' });
  const http = snippet('codex', config, { model: 'gpt-5.5', http: true });
  expect(http).toBe(usual.replace('supports_websockets = true', 'supports_websockets = false'));
  expect(http).not.toBe(usual);
});

test.each(SNIPPETS)('the dashboard shows what "snippet %s" prints', (kind) => {
  for (const url of ['http://127.0.0.1:8411', 'https://pool.example']) {
    const printed = snippet(kind, { host: '127.0.0.1', port: 8411 }, { url, model: 'gpt-5.5' });
    expect(snippetFor(kind, url)).toBe(printed);
  }
});

test('the Codex configuration is TOML for a provider that is not called OpenAI', () => {
  const lines = block('toml')
    .split('\n')
    .filter((line) => line !== '');
  for (const line of lines) expect(line).toMatch(/^(#.*|\[[\w.]+\]|\w+ = ("[^"]*"|true|false|\d+))$/);
  expect(lines).toContain('[model_providers.respool]');
  expect(lines).toContain('name = "respool"');
  expect(lines).toContain('wire_api = "responses"');
});

test('the curl example sends a JSON request', () => {
  const printed = snippet('curl', { host: '127.0.0.1', port: 8411 }, { model: 'gpt-5.5' });
  expect(readme).toContain(printed);
  expect(JSON.parse(/-d '(.*)'/.exec(printed)?.[1] ?? '')).toEqual({ model: 'gpt-5.5', input: 'Say hello.' });
});

test.each(['none', 'https://pool.example'])('the JavaScript example parses (address: %s)', (url) => {
  const options = { model: 'gpt-5.5', ...(url !== 'none' && { url }) };
  const code = snippet('js', { host: '127.0.0.1', port: 8411 }, options);
  expect(transformSync(code, { format: 'esm' }).code).toContain('responses.create');
});

test('the README stays short enough to be read', () => {
  expect(readme.split('\n').length).toBeLessThanOrEqual(200);
});
