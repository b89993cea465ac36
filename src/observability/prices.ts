/**
 * List prices of models, for estimates only: what the same tokens would have cost through the public API at its
 * standard tier. A login is not billed by the token, and no bill is ever made from this.
 */
export const PRICES_AS_OF = '2026-09-22';

/** US dollars for a million tokens. */
export interface Price {
  readonly input: number;
  readonly cached: number;
  readonly output: number;
}

const price = (input: number, cached: number, output: number): Price => ({ input, cached, output });

const PRICES: Readonly<Record<string, Price>> = {
  'gpt-6-astra': price(10, 1, 50),
  'gpt-5.6-terra': price(2, 0.2, 12),
  'gpt-5.6-luna': price(0.2, 0.02, 1.2),
  'gpt-5.5': price(5, 0.5, 30),
  'gpt-5.5-pro': price(30, 3, 180),
  'gpt-5.4': price(2.5, 0.25, 15),
  'gpt-5.4-mini': price(0.75, 0.075, 4.5),
  'gpt-5.4-nano': price(0.2, 0.02, 1.25),
  'gpt-5.3-codex': price(1.75, 0.175, 14),
  'gpt-5.2': price(1.75, 0.175, 14),
  'gpt-5.2-codex': price(1.75, 0.175, 14),
  'gpt-5.1': price(1.25, 0.125, 10),
  'gpt-5.1-codex': price(1.25, 0.125, 10),
  'gpt-5': price(1.25, 0.125, 10),
  'gpt-5-codex': price(1.25, 0.125, 10),
  'gpt-5-mini': price(0.25, 0.025, 2),
  'gpt-5-nano': price(0.05, 0.005, 0.4),
  'gpt-4.1': price(2, 0.5, 8),
  'gpt-4.1-mini': price(0.4, 0.1, 1.6),
  'gpt-4.1-nano': price(0.1, 0.025, 0.4),
  'gpt-4o': price(2.5, 1.25, 10),
  'gpt-4o-mini': price(0.15, 0.075, 0.6),
  o3: price(2, 0.5, 8),
  'o4-mini': price(1.1, 0.275, 4.4),
};

/** A dated snapshot costs what its model costs; a model that is not in the table has no price at all. */
function priceOf(model: string): Price | undefined {
  const plain = model.replace(/-\d{4}-\d{2}-\d{2}$/, '');
  return Object.hasOwn(PRICES, plain) ? PRICES[plain] : undefined;
}

export interface Tokens {
  readonly inputTokens: number;
  /** Part of the input. */
  readonly cachedTokens: number;
  readonly outputTokens: number;
}

/** US dollars; `undefined` where no price is known. */
export function costOf(model: string, tokens: Tokens): number | undefined {
  const known = priceOf(model);
  if (known === undefined) return undefined;
  const fresh = Math.max(tokens.inputTokens - tokens.cachedTokens, 0);
  const dollars =
    fresh * known.input + tokens.cachedTokens * known.cached + tokens.outputTokens * known.output;
  return dollars / 1_000_000;
}
