/**
 * Where log lines go: gathered, so that a busy moment costs one system call, and written without making the event loop
 * wait. A reader that is gone or never reads costs lines, and neither memory nor the end of the process (the sync flush
 * of pino's own destination tries for ever to write into a broken pipe).
 */
import { write, writeSync } from 'node:fs';

const FLUSH_AT_BYTES = 4096;
const FLUSH_EVERY_MS = 100;
/** For a reader that does not keep up; what is beyond is lost. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

export class LogLines {
  readonly #fd: number;
  #lines: Buffer[] = [];
  #bytes = 0;
  #writing: Buffer | undefined;
  #timer: NodeJS.Timeout | undefined;
  #state: 'open' | 'broken' = 'open';

  constructor(fd: number) {
    this.#fd = fd;
    process.once('exit', () => this.#writeRest());
  }

  write(line: string): void {
    if (this.#state === 'broken' || this.#bytes > MAX_WAITING_BYTES) return;
    const bytes = Buffer.from(line);
    this.#lines.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes >= FLUSH_AT_BYTES) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), FLUSH_EVERY_MS).unref();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#writing !== undefined || this.#lines.length === 0 || this.#state === 'broken') return;
    this.#writeOn(this.#take());
  }

  #take(): Buffer {
    const all = Buffer.concat(this.#lines, this.#bytes);
    this.#lines = [];
    this.#bytes = 0;
    return all;
  }

  #writeOn(bytes: Buffer): void {
    this.#writing = bytes;
    write(this.#fd, bytes, (error, written) => {
      if (error?.code === 'EAGAIN') {
        setTimeout(() => this.#writeOn(bytes), FLUSH_EVERY_MS).unref();
      } else if (error !== null) {
        this.#state = 'broken';
        this.#writing = undefined;
      } else if (written < bytes.length) this.#writeOn(bytes.subarray(written));
      else {
        this.#writing = undefined;
        this.#flush();
      }
    });
  }

  /** What a write under way holds may come twice; nothing is lost that the pipe takes at once. */
  #writeRest(): void {
    if (this.#state === 'broken') return;
    const rest = Buffer.concat([this.#writing ?? Buffer.alloc(0), this.#take()]);
    try {
      for (let at = 0; at < rest.length; ) at += writeSync(this.#fd, rest, at);
    } catch {
      // Nobody reads, and nobody is left to be told.
    }
  }
}
