/** A sign-in to a ChatGPT account that is under way. */
export interface LoginWire {
  readonly id: string;
  readonly method: 'device' | 'browser';
  readonly url: string;
  readonly user_code?: string;
  readonly expires_at: number;
}

export interface LoginStateWire {
  readonly status: 'pending' | 'complete' | 'failed';
  readonly account_id?: string;
  readonly error?: string | { readonly message: string };
}
