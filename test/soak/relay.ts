/** A way to the simulator that can be shut: while it is, connections are refused; open ones stay. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export class Relay implements AsyncDisposable {
  readonly #server = createServer((near) => this.#join(near));
  readonly #sockets = new Set<Socket>();
  readonly #target: number;
  #port = 0;
  #state: 'open' | 'shut' | 'gone' = 'open';

  private constructor(target: number) {
    this.#target = target;
  }

  static async open(target: number): Promise<Relay> {
    const relay = new Relay(target);
    await relay.#listen();
    return relay;
  }

  get port(): number {
    return this.#port;
  }

  async shutFor(ms: number): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'shut';
    this.#server.close();
    await pause(ms);
    if (this.#state === 'shut') await this.#listen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = 'gone';
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #listen(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
    this.#state = 'open';
  }

  #join(near: Socket): void {
    const far = connect(this.#target, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }
}
