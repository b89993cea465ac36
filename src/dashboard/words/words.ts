/**
 * Words in the language of the reader. `{name}` is a value; `{n|turn|turns}` is the word for one and for many.
 */
import { currentTaste } from '../model/taste.ts';
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

/** Codes of the server that have no words of their own are shown as they are. */
export function wordFor(group: string, code: string): string {
  const word = `${group}.${code}`;
  return knows(word) ? t(word) : code.replaceAll('_', ' ');
}

export function knows(word: string): word is Word {
  return Object.hasOwn(en, word);
}
