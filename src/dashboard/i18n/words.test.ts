import { expect, test } from 'vitest';
import { en } from './en.ts';
import { bytes, dollars, milliseconds, percent, short, span } from './format.ts';
import { codeInWords, fill, loginFailureInWords, windowInWords } from './words.ts';
import { zh } from './zh.ts';

const namesIn = (text: string, pattern: RegExp) =>
  new Set([...text.matchAll(pattern)].map((found) => found[1]));

test('every word of one language is a word of the other', () => {
  expect(Object.keys(zh).toSorted()).toEqual(Object.keys(en).toSorted());
});

test('every word says the same values in both languages', () => {
  const keys = Object.keys(en) as (keyof typeof en)[];
  const differ = keys.filter((key) => {
    const [here, there] = [namesIn(en[key], /\{(\w+)\}/g), namesIn(zh[key], /\{(\w+)\}/g)];
    // A value that also chooses the form of a word may be unsaid in a language that has one form only.
    for (const name of namesIn(en[key], /\{(\w+)\|/g)) {
      here.delete(name);
      there.delete(name);
    }
    return zh[key].trim() === '' || here.symmetricDifference(there).size > 0;
  });
  expect(differ).toEqual([]);
});

test.each([
  ['refresh_token_reused', 'login was renewed by another program'],
  ['PROXY_REFUSED', 'proxy refused the connection'],
  ['upstream_unavailable', 'upstream not reachable'],
  ['http_403', 'HTTP 403'],
  ['close_1008', 'connection closed (1008)'],
  ['some_new_limit', 'some new limit'],
  ['constructor', 'constructor'],
])('the code %s is shown as "%s"', (code, words) => {
  expect(codeInWords(code)).toBe(words);
});

test('a failed login is told in the words of its own, else of its code', () => {
  expect(loginFailureInWords('expired')).toBe('The time for this login is over. Begin again.');
  expect(loginFailureInWords('access_denied')).toBe('access was not granted');
});

test('a window that has no words is called by its name', () => {
  expect([windowInWords('weekly'), windowInWords('3d')]).toEqual(['Week', '3d']);
});

test('a word has a form for one and for many', () => {
  const text = '{n} {n|turn|turns}';
  expect([fill(text, { n: 1 }), fill(text, { n: 0 }), fill(text, { n: 5 })]).toEqual([
    '1 turn',
    '0 turns',
    '5 turns',
  ]);
});

test.each([
  [5, '5 s'],
  [61, '1 min 1 s'],
  [3_720, '1 h 2 min'],
  [200_000, '2 d 7 h'],
  [-3, '0 s'],
] as const)('%i seconds are %s', (seconds, text) => {
  expect(span(seconds)).toBe(text);
});

test('figures are as short as they can be without lying', () => {
  expect([short(999), short(1234), short(999_499), short(1_250_000), short(null)]).toEqual([
    '999',
    '1.2k',
    '999k',
    '1.3M',
    '–',
  ]);
  expect([dollars(0.001), dollars(1234.5), dollars(0), dollars(null)]).toEqual([
    '< $0.01',
    '$1,234.50',
    '$0.00',
    '–',
  ]);
  expect([percent(1, 3), percent(1, 0)]).toEqual(['33 %', '–']);
  expect([milliseconds(12.4), milliseconds(1500), milliseconds(120_000)]).toEqual([
    '12 ms',
    '1.5 s',
    '2 min 0 s',
  ]);
  expect([bytes(2048), bytes(3_500_000)]).toEqual(['2 KiB', '3.3 MiB']);
});
