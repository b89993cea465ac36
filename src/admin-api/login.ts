/** A sign-in to a ChatGPT account that is under way, or how it went. Times are Unix seconds. */

export type LoginMethod = 'device' | 'browser';
export type LoginStatus = 'pending' | 'complete' | 'failed';

export interface LoginWire {
  readonly id: string;
  readonly method: LoginMethod;
  /** Where the person signs in. */
  readonly url: string;
  /** To be typed in there; of a device login only. */
  readonly user_code?: string;
  readonly expires_at: number;
  readonly status: LoginStatus;
  /** Of a complete one. */
  readonly account_id?: string;
  /** Of a failed one: a code, see codes.ts. */
  readonly error?: string;
}

/** The body of `POST /api/logins`. */
export interface LoginStartWire {
  readonly method: LoginMethod;
}

/** The body of `POST /api/logins/{id}/callback`: the address at which the browser ended. */
export interface LoginCallbackWire {
  readonly url: string;
}
