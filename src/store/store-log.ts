/** What the store says aloud: a reason and counts, never a value from a row. A pino logger fits. */
export interface StoreLog {
  warn(fields: object, message: string): void;
}
