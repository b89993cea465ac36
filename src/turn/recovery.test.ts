import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { FailureClass } from './failure.ts';
import { RECOVERY } from './recovery.ts';

const CLASSES = Object.keys(RECOVERY) as FailureClass[];
const where = (holds: (of: FailureClass) => boolean): FailureClass[] => CLASSES.filter(holds);

test('a connection of which something is wrong, or that belongs to an account that is left, is dropped', () => {
  expect(where((of) => RECOVERY[of].connection === 'keep').toSorted()).toEqual([
    'context_overflow',
    'encrypted_content_foreign',
    'history_missing',
    'invalid_request',
    'not_found_continuity',
    'overloaded',
    'plan_unsupported',
    'policy',
    'rate_limit_transient',
    'unsupported_param',
  ]);
});

test('what the request is to blame for changes no account, moves no turn and keeps the pin', () => {
  const faults = where((of) => RECOVERY[of].told === 'as_upstream' && RECOVERY[of].mark === 'none');
  expect(faults.length).toBeGreaterThan(5);
  for (const of of faults) expect(RECOVERY[of]).toMatchObject({ moves: 0, pin: 'keep', loss: 'no' });
});

test('every account that is marked for a while says for how long', () => {
  const timed = where((of) =>
    ['exhausted', 'cooling', 'suspended', 'model_not_in_plan'].includes(RECOVERY[of].mark),
  );
  expect(timed.length).toBeGreaterThan(8);
  for (const of of timed) expect(RECOVERY[of].cooldownMs, of).toBeGreaterThan(0);
});

/** Where a class is made, or asked for by name in the table itself. */
const MAY_NAME = /^turn\/|\.test\.ts$|^dashboard\/|^admin-api\/|^simulator\//;
/** A class that is no word of anything else; `quota`, `policy`, `internal` and the like are. */
const TELLING = CLASSES.filter(
  (of) => of.includes('_') && !['shutting_down', 'invalid_request'].includes(of),
);

test('no file outside of this folder decides by the name of a class', () => {
  const src = join(import.meta.dirname, '..');
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !MAY_NAME.test(file),
  );
  const deciding = files.filter((file) => {
    const text = readFileSync(join(src, file), 'utf8');
    return TELLING.some((of) => new RegExp(`class\\s*[!=]==\\s*'${of}'|case '${of}':`).test(text));
  });
  expect(files.length).toBeGreaterThan(100);
  // A usage call asks whether the account is gone, which is no decision about a turn.
  expect(deciding).toEqual(['accounts/usage-call.ts']);
});
