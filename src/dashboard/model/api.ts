/**
 * Calls of the admin API. A refusal is a value, with the words of the server; the end of the sign-in is noticed
 * here once for all pages.
 */
import type { ErrorWire, ListWire } from '../../admin-api/answer.ts';
import { current, forget } from './store.ts';

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly status: number; readonly message: string };

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export async function call<T>(method: Method, path: string, body?: unknown): Promise<Answer<T>> {
  try {
    const answer = await fetch(path, {
      method,
      credentials: 'same-origin',
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await answer.text();
    const json: unknown = text === '' ? undefined : JSON.parse(text);
    if (answer.ok) return { ok: true, value: json as T };
    if (answer.status === 401 && current().access === 'in') forget();
    const { error } = (json ?? {}) as Partial<ErrorWire>;
    return { ok: false, status: answer.status, message: error?.message ?? `${answer.status}` };
  } catch (cause) {
    return { ok: false, status: 0, message: cause instanceof Error ? cause.message : String(cause) };
  }
}

export async function list<T>(path: string): Promise<readonly T[]> {
  const answer = await call<ListWire<T>>('GET', path);
  return answer.ok ? answer.value.data : [];
}
