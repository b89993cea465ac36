/**
 * The one error the store shows to people: a sentence that says what is wrong and what to do next. It must
 * never carry a secret, a token or anything from a conversation.
 */
export class StoreError extends Error {
  override readonly name: string = 'StoreError';
}

/** The database takes no writes at the moment: the same may be tried again. */
export class StoreUnavailable extends StoreError {
  override readonly name = 'StoreUnavailable';
}
