import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { testContext } from '../../test/support/fake-admin.ts';
import { runCli } from './cli.ts';
import { withoutRespool, withRespool } from './codex-config.ts';

const LINES =
  '# ~/.codex/config.toml\nmodel_provider = "respool"\n\n[model_providers.respool]\nname = "respool"';
const home = mkdtempSync(join(tmpdir(), 'respool-codex-'));
afterAll(() => rmSync(home, { recursive: true }));
const path = join(home, 'config.toml');

test('what a person wrote stays byte for byte, and comes back whole', () => {
  const line = fc.constantFrom(
    'model = "gpt-5.5"',
    '',
    '# a remark',
    '[projects."/x"]',
    'trust = "yes"',
    '\ttabs  ',
  );
  fc.assert(
    fc.property(fc.array(line), fc.constantFrom('\n', '\r\n'), (lines, end) => {
      const before = lines.map((one) => one + end).join('');
      const written = withRespool(before, LINES);
      expect(withoutRespool(written)).toBe(before);
      expect(withRespool(written, LINES)).toBe(written);
      expect(written.indexOf('model_provider =')).toBeLessThan(written.search(/^\[/m));
    }),
  );
});

test('--write makes a copy first, writing twice changes nothing, and --undo takes it out', async () => {
  const context = testContext({ CODEX_HOME: home });
  const before = 'model = "gpt-5.5"\n[features]\nx = true\n';
  writeFileSync(path, before);
  expect(await runCli(['snippet', 'codex', '--write'], context)).toBe(0);
  const written = readFileSync(path, 'utf8');
  expect(written).toContain('base_url = "http://127.0.0.1:8411/v1"');
  const [copy] = readdirSync(home).filter((name) => name.includes('before-respool'));
  expect(readFileSync(join(home, copy ?? ''), 'utf8')).toBe(before);
  expect(await runCli(['snippet', 'codex', '--write'], context)).toBe(0);
  expect(readFileSync(path, 'utf8')).toBe(written);
  expect(await runCli(['snippet', 'codex', '--undo'], context)).toBe(0);
  expect(readFileSync(path, 'utf8')).toBe(before);
  expect(await runCli(['snippet', 'codex', '--undo'], context)).toBe(1);
});

test('another provider is not pushed aside', async () => {
  const context = testContext({ CODEX_HOME: home });
  writeFileSync(path, 'model_provider = "mine"\n');
  expect(await runCli(['snippet', 'codex', '--write'], context)).toBe(1);
  expect(context.notes.at(-1)).toContain('"mine"');
  expect(readFileSync(path, 'utf8')).toBe('model_provider = "mine"\n');
  expect(await runCli(['snippet', 'curl', '--write'], context)).toBe(2);
});
