/** What the load generator can be asked to do, and what it brings back. Travels between processes as JSON. */

interface To {
  /** With the path in front of `/responses`. */
  readonly base: string;
  readonly key: string;
}

export interface HttpJob extends To {
  readonly do: 'http';
  readonly model: string;
  readonly answer: 'sse' | 'json';
  /** Clients at once; each sends its turns one after the other and has a session of its own. */
  readonly clients: number;
  readonly turnsEach: number;
  /** Size of the history that goes up with each turn; default: a few words. */
  readonly bodyBytes?: number;
  /** A client begins its turns no faster than this. */
  readonly everyMs?: number;
  /** Put into the input of the turn with this number. */
  readonly word?: string;
}

/** Conversations on WebSockets of their own, kept under a name until `close`. */
export interface SocketJob extends To {
  readonly do: 'sockets';
  readonly group: string;
  readonly model: string;
  readonly clients: number;
  readonly turnsEach: number;
  /** `chained`: each turn continues the one before. */
  readonly history: 'none' | 'chained';
  readonly word?: string;
}

export interface CloseJob {
  readonly do: 'close';
  readonly group: string;
}

/** Asks `/healthz` again and again; how late the answers come shows how long the server's loop was busy. */
export interface ProbeJob {
  readonly do: 'probe';
  readonly base: string;
  readonly everyMs: number;
  readonly forMs: number;
}

/** Clients that ask for a stream and, once it has begun, read nothing of it until `close`. */
export interface StallJob extends To {
  readonly do: 'stall';
  readonly door: 'sse' | 'ws';
  readonly group: string;
  readonly model: string;
  readonly clients: number;
}

export type Job = HttpJob | SocketJob | CloseJob | ProbeJob | StallJob;

export interface Yield {
  turns: number;
  events: number;
  /** What went wrong, each kind once. */
  readonly errors: string[];
  /** From sending a turn to its first delta. */
  readonly firstMs: number[];
  /** From each delta's sending upstream to its arrival. */
  readonly delaysMs: number[];
}

export function emptyYield(): Yield {
  return { turns: 0, events: 0, errors: [], firstMs: [], delaysMs: [] };
}

export function noteError(yielded: Yield, what: string): void {
  if (!yielded.errors.includes(what) && yielded.errors.length < 5) yielded.errors.push(what);
}
