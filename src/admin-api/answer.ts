/** What all routes have in common: the form of a list and of a refusal. */

export interface ListWire<Entry> {
  readonly data: readonly Entry[];
}

/** As on `/v1`. */
export interface ErrorWire {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly code: string | null;
    readonly param: string | null;
  };
}

/** `GET` and `POST /api/login`: whether this browser is signed in. */
export interface SignedInWire {
  readonly signed_in: boolean;
}
