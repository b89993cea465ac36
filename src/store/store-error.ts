/**
 * The one error the store shows to people: a sentence that says what is wrong and what to do next. It must
 * never carry a secret, a token or anything from a conversation.
 */
interface StoreErrorOptions extends ErrorOptions {
  /** What has to change before the same can succeed: what the process was told, or the state of the machine. */
  readonly mend?: 'settings' | 'circumstances';
}

export class StoreError extends Error {
  override readonly name: string = 'StoreError';
  readonly mend: 'settings' | 'circumstances';

  constructor(message: string, { mend = 'settings', ...options }: StoreErrorOptions = {}) {
    super(message, options);
    this.mend = mend;
  }
}

/** The database takes no writes at the moment: the same may be tried again. */
export class StoreUnavailable extends StoreError {
  override readonly name = 'StoreUnavailable';

  constructor(message: string) {
    super(message, { mend: 'circumstances' });
  }
}
