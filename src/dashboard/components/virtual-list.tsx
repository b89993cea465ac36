/**
 * A long list of which only the visible part exists on the page. Rows have one height, so that where a row stands
 * is a multiplication.
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

/** Rows above and below the visible ones, so that fast scrolling shows no gaps. */
const SPARE = 12;

export interface Slice {
  readonly from: number;
  readonly to: number;
}

export function sliceOf(view: { top: number; height: number }, rowHeight: number, length: number): Slice {
  const first = Math.floor(view.top / rowHeight) - SPARE;
  const last = Math.ceil((view.top + view.height) / rowHeight) + SPARE;
  const from = Math.min(Math.max(0, first), length);
  return { from, to: Math.min(length, Math.max(from, last)) };
}

export interface VirtualListProps {
  readonly length: number;
  readonly rowHeight: number;
  readonly label: string;
  readonly row: (index: number, top: number) => ComponentChildren;
  /** The end comes into view. */
  readonly onNearEnd: () => void;
  readonly onScroll: (top: number) => void;
}

export function VirtualList(props: VirtualListProps) {
  const { length, rowHeight, label, row, onNearEnd } = props;
  const told = useRef(props.onScroll);
  told.current = props.onScroll;
  const box = useRef<HTMLElement>(null);
  const [view, setView] = useState({ top: 0, height: 800 });
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const look = (): void => {
      setView({ top: element.scrollTop, height: element.clientHeight });
      told.current(element.scrollTop);
    };
    const watcher = new ResizeObserver(look);
    watcher.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      watcher.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, []);
  const { from, to } = sliceOf(view, rowHeight, length);
  useEffect(() => {
    if (to >= length) onNearEnd();
  }, [to, length, onNearEnd]);
  const rows = [];
  for (let index = from; index < to; index += 1) rows.push(row(index, index * rowHeight));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard
    <section class="scroll" ref={box} aria-label={label} tabIndex={0}>
      <div class="window" style={{ height: `${length * rowHeight}px` }}>
        {rows}
      </div>
    </section>
  );
}
