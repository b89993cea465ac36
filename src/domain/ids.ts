/**
 * The names of things that travel between floors. An id is a branded string, so that an account id can
 * never be handed over where a response id is meant.
 */
export type AccountId = string & { readonly brand: 'AccountId' };
export type SessionId = string & { readonly brand: 'SessionId' };
export type ResponseId = string & { readonly brand: 'ResponseId' };

/** The caller's id: the id of the API key that called, or `local` for a keyless loopback caller. */
export type Tenant = string & { readonly brand: 'Tenant' };

export const LOCAL = 'local' as Tenant;
