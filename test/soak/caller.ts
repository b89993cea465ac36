/**
 * An HTTP client whose connections can be counted on to be gone when it is closed, and whose requests can be left
 * in the middle.
 */
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object | undefined;
  readonly signal?: AbortSignal | undefined;
}

export class Caller {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** Rejects when the connection breaks, or when `signal` says to leave. */
  async call({ method, path, headers, body, signal }: Call): Promise<Response> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const typed = text === undefined ? {} : { 'content-type': 'application/json' };
    const asked = request(`${this.#url}${path}`, {
      method,
      agent: this.#agent,
      headers: { ...typed, ...headers },
      ...(signal === undefined ? {} : { signal }),
    });
    asked.end(text);
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    const given = Object.entries(answer.headers).map(([name, value]): [string, string] => [
      name,
      String(value),
    ]);
    const status = answer.statusCode ?? 0;
    return new Response(status === 204 ? null : Buffer.concat(chunks), { status, headers: given });
  }

  close(): void {
    this.#agent.destroy();
  }
}
