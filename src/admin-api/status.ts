/** What the server says of itself. */
export interface StatusWire {
  readonly version: string;
  readonly uptime_seconds: number;
  readonly data_dir: string;
  readonly writer: { readonly queue: number; readonly dropped: number };
}
