/**
 * Where one is, in the address: `#/requests?status=failed`. Everything that can be shown can be linked to.
 */
import { useEffect, useState } from 'preact/hooks';

export interface Route {
  readonly page: string;
  /** What is open on the page. */
  readonly item: string | undefined;
  readonly query: Readonly<Record<string, string>>;
}

/** What every page is given. */
export interface PageProps {
  readonly route: Route;
}

export function parse(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?');
  const [page = '', item] = path.split('/').map(decodeURIComponent);
  return { page: page === '' ? 'now' : page, item, query: Object.fromEntries(new URLSearchParams(search)) };
}

export function hrefOf(
  page: string,
  item?: string,
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const search = new URLSearchParams(given as [string, string][]).toString();
  const path = item === undefined ? page : `${page}/${encodeURIComponent(item)}`;
  return `#/${path}${search === '' ? '' : `?${search}`}`;
}

export function go(href: string): void {
  location.hash = href;
}

/** Changes the address without a step in the history: for what is typed into a filter. */
export function rewrite(href: string): void {
  history.replaceState(null, '', href);
  dispatchEvent(new HashChangeEvent('hashchange'));
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const look = (): void => setHash(location.hash);
    addEventListener('hashchange', look);
    return () => removeEventListener('hashchange', look);
  }, []);
  return parse(hash);
}
