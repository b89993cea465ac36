import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, expectTypeOf, test } from 'vitest';
import type { KeyKind } from '../bridge/session/session.ts';
import type { Phase } from '../bridge/turn/snapshot.ts';
import type { TurnRequest } from '../bridge/turn-request.ts';
import { codes as english } from '../dashboard/i18n/en-codes.ts';
import type { EVENTS } from '../observability/notifications/incidents.ts';
import type { UpstreamError } from '../turn/upstream-error.ts';
import type { OwnCode } from './codes.ts';
import type { Door, RequestRoute } from './request.ts';
import type { SessionKeyKind } from './session.ts';
import type { NotificationEvent } from './settings.ts';
import type { ClientKind, TurnPhase } from './turn.ts';

type Timeout = Extract<UpstreamError, { readonly via: 'timeout' }>['what'];

test('the sets that higher floors declare for themselves are those of the admin API', () => {
  expectTypeOf<KeyKind>().toEqualTypeOf<SessionKeyKind>();
  expectTypeOf<Phase>().toEqualTypeOf<TurnPhase>();
  expectTypeOf<TurnRequest['door']>().toEqualTypeOf<Door>();
  expectTypeOf<TurnRequest['route']>().toEqualTypeOf<RequestRoute>();
  expectTypeOf<TurnRequest['client']>().toEqualTypeOf<ClientKind>();
  expectTypeOf<(typeof EVENTS)[number]>().toEqualTypeOf<NotificationEvent>();
  expectTypeOf<`${Timeout}_timeout`>().toExtend<OwnCode>();
});

/** Folders whose codes end up in rows, sessions and accounts. */
const FOLDERS = ['accounts', 'bridge', 'turn', 'upstream'];
/** `code: 'x'` of a failure, and the second argument of `refusal`. */
const CODES = [/\bcode: '([a-z_]+)'/gi, /\brefusal\(\s*\d+,\s*'([a-z_]+)'/g];

function codesIn(folder: string): readonly string[] {
  const path = join(import.meta.dirname, '..', folder);
  const files = readdirSync(path, { recursive: true, encoding: 'utf8' });
  const sources = files.filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
  const texts = sources.map((file) => readFileSync(join(path, file), 'utf8'));
  return texts.flatMap((text) =>
    CODES.flatMap((pattern) => [...text.matchAll(pattern)].map(([, code = '']) => code)),
  );
}

test('every code that the server sets itself has words on the page', () => {
  const set = new Set(FOLDERS.flatMap(codesIn).map((code) => code.toLowerCase()));
  expect(set.size).toBeGreaterThan(15);
  const known = new Set<string>(Object.keys(english));
  const wordless = [...set].filter((code) => !known.has(`code.${code}`) && !known.has(`class.${code}`));
  expect(wordless).toEqual([]);
});
