/**
 * What this person likes: scheme, language, blurred e-mail addresses. Kept in this browser only.
 */
import { useEffect, useState } from 'preact/hooks';

export interface Preferences {
  readonly scheme: 'system' | 'light' | 'dark';
  readonly language: 'en' | 'zh';
  readonly emails: 'shown' | 'blurred';
}

const PLACE = 'respool';
const listeners = new Set<() => void>();
let taste: Preferences = { ...defaults(), ...kept() };
show();

function defaults(): Preferences {
  const chinese = globalThis.navigator?.language?.startsWith('zh') === true;
  return { scheme: 'system', language: chinese ? 'zh' : 'en', emails: 'shown' };
}

/** A browser may refuse its storage; then nothing is remembered and everything works. */
function kept(): Partial<Preferences> {
  try {
    return JSON.parse(globalThis.localStorage?.getItem(PLACE) ?? '{}') as Partial<Preferences>;
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof DOMException) return {};
    throw cause;
  }
}

function show(): void {
  const root = globalThis.document?.documentElement;
  if (root === undefined) return;
  root.dataset['scheme'] = taste.scheme;
  root.dataset['emails'] = taste.emails;
  root.lang = taste.language === 'zh' ? 'zh-CN' : 'en';
}

export function currentTaste(): Preferences {
  return taste;
}

export function like(changes: Partial<Preferences>): void {
  taste = { ...taste, ...changes };
  show();
  try {
    localStorage.setItem(PLACE, JSON.stringify(taste));
  } catch (cause) {
    if (!(cause instanceof DOMException)) throw cause;
  }
  for (const listener of [...listeners]) listener();
}

export function usePreferences(): Preferences {
  const [, redraw] = useState({});
  useEffect(() => {
    const look = (): void => redraw({});
    listeners.add(look);
    return () => void listeners.delete(look);
  }, []);
  return taste;
}
