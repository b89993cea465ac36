/**
 * Words in the language of the reader. `{name}` is a value; `{n|turn|turns}` is the word for one and for many.
 */
import { currentTaste } from '../model/preferences.ts';
import type { ClosedGroups, OpenGroups } from './code-words.ts';
import { en } from './en.ts';
import { zh } from './zh.ts';

export type Word = keyof typeof en;
export type Values = Readonly<Record<string, string | number>>;

const LANGUAGES: Readonly<Record<'en' | 'zh', Readonly<Record<Word, string>>>> = { en, zh };

export function t(word: Word, values: Values = {}): string {
  return fill(LANGUAGES[currentTaste().language][word], values);
}

export function fill(text: string, values: Values): string {
  return text
    .replace(/\{(\w+)\|([^|}]*)\|([^|}]*)\}/g, (_, name: string, one: string, many: string) =>
      Number(values[name]) === 1 ? one : many,
    )
    .replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
}

/** A server that is newer than this page may know more than the page has words for. */
export function wordFor<Group extends keyof ClosedGroups>(group: Group, code: ClosedGroups[Group]): string {
  return wordIn(group, code) ?? plain(code);
}

export function windowInWords(name: string): string {
  return wordIn('window', name) ?? name;
}

/** Whatever upstream calls its refusal: in words where it has some, else as it is. */
export function codeInWords(code: string): string {
  const name = code.toLowerCase();
  const answer = /^(http|close)_(\d+)$/.exec(name);
  if (answer !== null)
    return t(answer[1] === 'http' ? 'answer.http' : 'answer.close', { status: answer[2] ?? '' });
  return wordIn('code', name) ?? wordIn('class', name) ?? plain(code);
}

export function loginFailureInWords(code: string): string {
  return wordIn('login', code) ?? codeInWords(code);
}

export function hasWords(code: string): boolean {
  return isWord(`code.${code}`);
}

function wordIn(group: keyof (ClosedGroups & OpenGroups), code: string): string | undefined {
  const word = `${group}.${code}`;
  return isWord(word) ? t(word) : undefined;
}

function isWord(word: string): word is Word {
  return Object.hasOwn(en, word);
}

const plain = (code: string): string => code.replaceAll('_', ' ');
