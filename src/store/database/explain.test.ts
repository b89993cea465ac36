import { expect, test } from 'vitest';
import type { StoreError } from '../store-error.ts';
import { explain } from './explain.ts';

const failure = (code: string) => Object.assign(new Error('as the system says it'), { code });

test.each([
  ['SQLITE_FULL', /^There is no room left for \/data\/x: free some space/, 'circumstances'],
  ['ENOSPC', /^There is no room left/, 'circumstances'],
  ['SQLITE_IOERR_WRITE', /could not be written \(SQLITE_IOERR_WRITE\)/, 'circumstances'],
  ['SQLITE_BUSY', /locked by another process/, 'circumstances'],
  ['SQLITE_NOTADB', /damaged or not a database/, 'settings'],
  ['EACCES', /cannot be opened \(EACCES\)/, 'settings'],
] as const)('%s becomes a sentence with a mend', (code, sentence, mend) => {
  const wrapped = new Error('Failed query: insert into secret', { cause: failure(code) });
  for (const error of [failure(code), wrapped]) {
    const told = explain(error, '/data/x') as StoreError;
    expect(told.message).toMatch(sentence);
    expect(told.mend).toBe(mend);
  }
});

test('a mistake of ours is passed on as it is', () => {
  const mistake = new TypeError('x is not a function');
  expect(explain(mistake, '/data/x')).toBe(mistake);
});
