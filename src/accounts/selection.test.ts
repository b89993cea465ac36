import { expect, test } from 'vitest';
import type { AccountId } from '../domain/ids.ts';
import { type Candidate, choose, type SelectionRequest } from './selection.ts';

const id = (name: string): AccountId => name as AccountId;
const candidate = (name: string, more: Partial<Candidate> = {}): Candidate => ({
  id: id(name),
  kind: 'chatgpt',
  standing: { is: 'ready' },
  serves: 'model',
  newSessions: 'welcome',
  priority: 0,
  allowance: undefined,
  activeTurns: 0,
  lastGiven: 0,
  ...more,
});
const wish = (more: Partial<SelectionRequest> = {}): SelectionRequest => ({ exclude: [], ...more });
const of = (name: string, wastePerHour: number, more: Partial<Candidate> = {}): Candidate =>
  candidate(name, { allowance: { wastePerHour, headroom: 50 }, ...more });
const A = candidate('a', { lastGiven: 3 });
const B = candidate('b', { lastGiven: 1 });
const C = candidate('c', { lastGiven: 2 });

test.each([
  ['the one that waited longest, while nothing speaks for another', [A, B, C], wish(), 'b', 'spread'],
  [
    'the pinned one before all',
    [A, B, C],
    wish({ pinned: id('a'), owner: id('b'), affine: id('c') }),
    'a',
    'pin',
  ],
  [
    'the owner of the response before affinity',
    [A, B, C],
    wish({ owner: id('a'), affine: id('c') }),
    'a',
    'owner',
  ],
  ['the one whose cache is warm', [A, B, C], wish({ affine: id('a') }), 'a', 'affinity'],
  [
    'the higher priority before the longer wait',
    [candidate('a', { priority: 5, lastGiven: 9 }), B],
    wish(),
    'a',
    'priority',
  ],
  [
    'the one whose week would go to waste first',
    [candidate('a', { allowance: { wastePerHour: 2, headroom: 50 }, lastGiven: 9 }), of('b', 1)],
    wish(),
    'a',
    'resets_soonest',
  ],
  [
    'one of those that are about as urgent, in turn',
    [of('a', 2, { lastGiven: 9 }), of('b', 1.7)],
    wish(),
    'b',
    'spread',
  ],
  [
    'not the one whose short window is nearly full',
    [candidate('a', { allowance: { wastePerHour: 9, headroom: 9 } }), of('b', 1)],
    wish(),
    'b',
    'resets_soonest',
  ],
  [
    'anyone, when the short windows of all are nearly full',
    [
      candidate('a', { allowance: { wastePerHour: 9, headroom: 9 }, lastGiven: 2 }),
      candidate('b', { allowance: { wastePerHour: 1, headroom: 1 }, lastGiven: 1 }),
    ],
    wish(),
    'b',
    'spread',
  ],
  ['a login of which nothing is known yet, to learn it', [of('a', 5), B], wish(), 'b', 'resets_soonest'],
  [
    'a login with an allowance to lose before a key that costs',
    [candidate('a', { kind: 'api_key' }), of('b', 1, { lastGiven: 9 })],
    wish(),
    'b',
    'resets_soonest',
  ],
  [
    'the clearly less busy one',
    [of('a', 1, { activeTurns: 9 }), of('b', 1, { lastGiven: 9 })],
    wish(),
    'b',
    'least_busy',
  ],
  ['whoever is left', [A, B], wish({ exclude: [id('b')] }), 'a', 'only_one'],
  ['not the one to avoid', [A, B], wish({ avoid: [id('b')] }), 'a', 'only_one'],
  ['the one to avoid, when there is no other', [B], wish({ avoid: [id('b')] }), 'b', 'only_one'],
  [
    'the pinned one even above its ceiling',
    [candidate('a', { newSessions: 'unwelcome' }), B],
    wish({ pinned: id('a') }),
    'a',
    'pin',
  ],
  [
    'for a new session one below its ceiling',
    [candidate('b', { newSessions: 'unwelcome' }), A],
    wish(),
    'a',
    'only_one',
  ],
  ['only the one that can', [A, B], wish({ only: id('a') }), 'a', 'owner'],
  [
    'only of the kind that can',
    [candidate('a', { kind: 'api_key' }), B],
    wish({ kind: 'api_key' }),
    'a',
    'only_one',
  ],
] as const)('serves: %s', (_name, candidates, wanted, account, because) => {
  expect(choose(candidates, wanted)).toEqual({ ok: true, account, because });
});

const exhausted = (name: string, until: number): Candidate =>
  candidate(name, { standing: { is: 'exhausted', until, plan: 'plus' } });

test.each([
  ['nobody is there', [], wish(), { why: 'no_accounts' }],
  ['nobody has the model', [candidate('a', { serves: 'other_models' })], wish(), { why: 'model_not_served' }],
  [
    'the earliest reset',
    [exhausted('a', 900), exhausted('b', 500)],
    wish(),
    { why: 'exhausted', resetAt: 500, plan: 'plus' },
  ],
  [
    'a short rest before a long one',
    [exhausted('a', 900), candidate('b', { standing: { is: 'cooling', until: 5 } })],
    wish(),
    { why: 'cooling', until: 5 },
  ],
  [
    'a suspension, when nothing better is known',
    [candidate('a', { standing: { is: 'suspended', until: 7 } })],
    wish(),
    { why: 'suspended', until: 7 },
  ],
  [
    'nothing of a rest that the turn would not come back from',
    [candidate('a', { standing: { is: 'cooling', until: 5 } })],
    wish({ exclude: [id('a')] }),
    { why: 'tried_all' },
  ],
  ['that everybody was tried', [A], wish({ exclude: [id('a')] }), { why: 'tried_all' }],
  [
    'that nobody will return by himself',
    [candidate('a', { standing: { is: 'out' } })],
    wish(),
    { why: 'unusable' },
  ],
] as const)('says why not: %s', (_name, candidates, wanted, reason) => {
  expect(choose(candidates, wanted)).toEqual({ ok: false, reason });
});
