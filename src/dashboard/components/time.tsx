/**
 * Times that stay true while one looks at them. One ticker serves all of them.
 */
import { useEffect, useState } from 'preact/hooks';
import { ago, moment, span } from '../i18n/format.ts';

const listeners = new Set<() => void>();
let ticker: ReturnType<typeof setInterval> | undefined;

function tick(): void {
  if (document.hidden) return;
  for (const listener of [...listeners]) listener();
}

/** The present, to the second. */
export function useNow(): number {
  const [, redraw] = useState({});
  useEffect(() => {
    const look = (): void => redraw({});
    listeners.add(look);
    ticker ??= setInterval(tick, 1000);
    return () => {
      listeners.delete(look);
      if (listeners.size > 0) return;
      clearInterval(ticker);
      ticker = undefined;
    };
  }, []);
  return Date.now();
}

export function Ago({ at }: { readonly at: number }) {
  const now = useNow();
  return (
    <time dateTime={new Date(at * 1000).toISOString()} title={moment(at)}>
      {ago(at, now)}
    </time>
  );
}

export function Countdown({ to }: { readonly to: number }) {
  const now = useNow();
  return <time dateTime={new Date(to * 1000).toISOString()}>{span(to - now / 1000)}</time>;
}

export function Age({ since }: { readonly since: number }) {
  const now = useNow();
  return <>{span(now / 1000 - since)}</>;
}
