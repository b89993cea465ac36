/** Mistakes that somebody could make in the core, each by the name of what it would break. */
export interface Mutant {
  readonly name: string;
  /** In src/turn/. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'an ambiguous loss is repeated more than twice',
    file: 'retry.ts',
    from: 'const MAX_AMBIGUOUS_LOSSES = 2;',
    to: 'const MAX_AMBIGUOUS_LOSSES = 4;',
  },
  {
    name: 'an account that only cools is left for good',
    file: 'retry.ts',
    from: "if (rule.leave === 'while_marked') return elsewhere(state, undefined);",
    to: '',
  },
  {
    name: 'what one account taught is kept for the next',
    file: 'turn.ts',
    from: 'begin(account, moved, DEFAULT_OPTIONS)',
    to: 'begin(account, moved, state.options)',
  },
  {
    name: 'a spent quota keeps its connection',
    file: 'recovery.ts',
    from: "cooldownMs: 5 * MINUTE_MS,\n  connection: 'drop',",
    to: "cooldownMs: 5 * MINUTE_MS,\n  connection: 'keep',",
  },
  {
    name: 'slow_down is a rate limit without its 429',
    file: 'classify.ts',
    from: "(seen) => seen.key !== 'slow_down' || seen.status === 429,",
    to: '() => true,',
  },
  {
    name: 'a repair happens twice on one account',
    file: 'recovery.ts',
    from: "return repair === 'pause' ? 2 : 1;",
    to: 'return 2;',
  },
  {
    name: 'an overload is waited out for ever',
    file: 'recovery.ts',
    from: "return repair === 'pause' ? 2 : 1;",
    to: "return repair === 'pause' ? 9 : 1;",
  },
  {
    name: 'the budget does not end the attempts',
    file: 'turn.ts',
    from: 'const again = leftMs > 0 && mayRepeat',
    to: 'const again = mayRepeat',
  },
  {
    name: 'a turn is repeated after something was shown',
    file: 'turn.ts',
    from: "return state.name === 'running' && state.progress === 'shown';",
    to: 'return state === undefined;',
  },
  {
    name: 'a turn with tools that act is repeated',
    file: 'retry.ts',
    from: "if (mayHaveActed && facts.sideEffects === 'possible') return false;",
    to: '',
  },
  {
    name: 'an account that was left is asked again',
    file: 'steps.ts',
    from: 'return left.includes(account) ? left : [...left, account];',
    to: 'return account === undefined ? [...left] : left;',
  },
  {
    name: 'an unexplained 403 walks through the pool',
    file: 'recovery.ts',
    from: "moves: 1,\n    mark: 'suspended',",
    to: "moves: ANY,\n    mark: 'suspended',",
  },
  {
    name: 'a client that leaves keeps its upstream',
    file: 'turn.ts',
    from: "return state.name === 'running' ? [{ do: 'dispose', connection: 'drop' }] : [];",
    to: "return state.name === 'waiting' ? [{ do: 'dispose', connection: 'drop' }] : [];",
  },
  {
    name: 'the first 401 is held against the account',
    file: 'recovery.ts',
    from: "marked: 'after_repair',",
    to: "marked: 'at_once',",
  },
  {
    name: 'a model is held against an account that nobody else could replace',
    file: 'recovery.ts',
    from: "marked: 'when_another_serves',",
    to: "marked: 'at_once',",
  },
  {
    name: 'a passing failure is forgotten over a spent quota',
    file: 'turn.ts',
    from: 'passing: isPassing(failure) ? failure : retries.passing,',
    to: 'passing: retries.passing,',
  },
  {
    name: 'a handshake is shown before the first output',
    file: 'held-frames.ts',
    from: "const holds = kind === 'handshake' || kind === 'vendor';",
    to: "const holds = kind === 'vendor';",
  },
  {
    name: 'held frames have no bound',
    file: 'held-frames.ts',
    from: 'this.#held.length < MAX_HELD_FRAMES && this.#bytes < MAX_HELD_BYTES;',
    to: 'this.#held.length > 0;',
  },
  {
    name: 'a loss after output does not let go of the account',
    file: 'turn.ts',
    from: "return RECOVERY[failure.class].pin === 'let_go' ?",
    to: "return RECOVERY[failure.class].pin === 'keep' ?",
  },
  {
    name: 'a refused handshake suspends its account',
    file: 'classify.ts',
    from: "{ fits: all(handshake, status(403), unnamed), class: 'upgrade_refused' },",
    to: '',
  },
  {
    name: 'an absurd reset is believed',
    file: 'upstream-error.ts',
    from: 'const MAX_RESET_MS = 366 * 86_400_000;',
    to: 'const MAX_RESET_MS = 1e6 * 86_400_000;',
  },
  {
    name: 'an id goes up to an account that does not know it',
    file: 'continuation.ts',
    from: 'if (anchor.stored && anchor.owner === place.account)',
    to: 'if (anchor.stored)',
  },
  {
    name: 'a late handshake makes a shown turn repeatable',
    file: 'turn.ts',
    from: 'isFurther(event.to, state.progress) ?',
    to: 'event.to !== state.progress ?',
  },
  {
    name: 'the client is told of the whole pool when one account ran dry',
    file: 'refusals.ts',
    from: "if (told !== 'out_of_quota') return refused;",
    to: 'if (told !== undefined) return refused;',
  },
];
