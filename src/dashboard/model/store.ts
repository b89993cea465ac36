/**
 * The one place that holds the world, and how components listen to it. Events of the feed are gathered and shown
 * together, at most four times a second.
 */
import { useEffect, useState } from 'preact/hooks';
import { type AppState, apply, EMPTY, type Happening } from './state.ts';

const SHOW_EVERY_MS = 250;

let world: AppState = EMPTY;
const listeners = new Set<() => void>();
let waiting: Happening[] = [];
let timer: ReturnType<typeof setTimeout> | undefined;
let shownAt = 0;
let held: 'held' | 'flowing' = 'flowing';

export function current(): AppState {
  return world;
}

export function change(changes: Partial<AppState>): void {
  world = { ...world, ...changes };
  for (const listener of [...listeners]) listener();
}

export function happened(happening: Happening): void {
  waiting.push(happening);
  plan();
}

/** While the lists are read anew, events wait: they are newer than what is being read. */
export async function holding(read: () => Promise<void>): Promise<void> {
  held = 'held';
  try {
    await read();
  } finally {
    held = 'flowing';
    plan();
  }
}

/** Nothing of this server is kept on the page. */
export function forget(): void {
  waiting = [];
  change({ ...EMPTY, access: 'out' });
}

function plan(): void {
  if (timer !== undefined || held === 'held' || waiting.length === 0) return;
  timer = setTimeout(show, Math.max(0, shownAt + SHOW_EVERY_MS - Date.now()));
}

function show(): void {
  timer = undefined;
  if (held === 'held') return;
  shownAt = Date.now();
  const happenings = waiting;
  waiting = [];
  change(apply(world, happenings, shownAt));
}

function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Draws a component again only when what it picked has changed. */
export function useAppState<T>(pick: (world: AppState) => T): T {
  const [, redraw] = useState({});
  const picked = pick(world);
  useEffect(() => {
    let last = picked;
    const look = (): void => {
      const next = pick(world);
      if (Object.is(next, last)) return;
      last = next;
      redraw({});
    };
    look();
    return listen(look);
  });
  return picked;
}
