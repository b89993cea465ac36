/** What a client key allows. */
export interface KeyLimits {
  readonly requestsPerMinute?: number | undefined;
  readonly tokensPerDay?: number | undefined;
  readonly concurrentTurns?: number | undefined;
}
