/**
 * Every way in which an upstream can fail a turn, as data: what it sends, what that is called, and what has to come
 * of it. Crossed with the moments, doors, transports and kinds of account in cells.ts.
 */

import type { ErrorClass } from '../../src/admin-api/request.ts';
import * as says from '../../src/simulator/errors.ts';
import type { Fault, FrameShape } from '../../src/simulator/script.ts';

export type Moment = 'upgrade' | 'before_created' | 'after_created' | 'mid_output';

/** `moves`: another account answers. `stays`: the same one does. `told`: the client hears of it and nobody is blamed. */
export type Outcome = 'moves' | 'stays' | 'told';

export interface Kind {
  readonly name: string;
  readonly class: ErrorClass;
  readonly outcome: Outcome;
  /** What the account is afterwards. */
  readonly status: 'ready' | 'exhausted' | 'cooling' | 'needs_login' | 'suspended';
  readonly moments: readonly Moment[];
  /** Which transports can carry it upstream. */
  readonly over: readonly ('ws' | 'http')[];
  readonly fault: (at: Moment) => Fault;
  /** Says nothing but its status, which an event inside an HTTP stream does not have. */
  readonly mute?: true;
  /** Where it ends otherwise for a login than for a key. */
  readonly chatgpt?: Pick<Kind, 'outcome' | 'status'>;
  /** As the answer to a handshake it says nothing about the account: the turn goes over HTTP. */
  readonly handshake?: 'says_nothing';
}

const BOTH = ['ws', 'http'] as const;
const EARLY: readonly Moment[] = ['upgrade', 'before_created', 'after_created'];
const ALWAYS: readonly Moment[] = [...EARLY, 'mid_output'];
const IN_STREAM: readonly Moment[] = ['after_created', 'mid_output'];

type Answer = {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};
type Rest = Pick<Kind, 'class' | 'outcome' | 'status'>;

const QUOTA: Rest = { class: 'quota', outcome: 'moves', status: 'exhausted' };
const LOSS: Rest = { class: 'upstream_unavailable', outcome: 'stays', status: 'ready' };
const EDGE: Rest = { class: 'edge_forbidden', outcome: 'moves', status: 'ready' };
/** Something about the request is changed, and the same account answers. */
const MENDED = (of: ErrorClass): Rest => ({ class: of, outcome: 'stays', status: 'ready' });
const TOLD = (of: ErrorClass): Rest => ({ class: of, outcome: 'told', status: 'ready' });

const answered = (name: string, answer: Answer, rest: Rest, moments: readonly Moment[] = EARLY): Kind => ({
  name,
  ...rest,
  moments,
  over: BOTH,
  fault: (at) => ({ kind: 'status', at, ...answer }) as Fault,
});

const shaped = (shape: FrameShape): Kind => ({
  name: `usage limit as a frame in the form ${shape}`,
  ...QUOTA,
  moments: ['before_created', 'after_created'],
  over: ['ws'],
  fault: (at) => ({ kind: 'status', at, shape, ...says.usageLimitReached(Date.now() + 600_000) }) as Fault,
});

const failedWith = (code: string, rest: Rest, moments: readonly Moment[] = IN_STREAM): Kind => ({
  name: `response.failed ${code}`,
  ...rest,
  moments,
  over: BOTH,
  fault: (at) => ({ kind: 'response_failed', at, error: { code, message: 'Please try again in 400s.' } }),
});

const closed = (code: number): Kind => ({
  name: `close ${code}`,
  ...LOSS,
  moments: ['before_created', 'after_created', 'mid_output'],
  over: ['ws'],
  fault: (at) => ({ kind: 'close', at, code }),
});

const inAWhile = Date.now() + 600_000;

export const KINDS: readonly Kind[] = [
  answered('usage limit', says.usageLimitReached(inAWhile), QUOTA, ALWAYS),
  ...[
    'insufficient_quota',
    'quota_exceeded',
    'credit_balance_exhausted',
    'organization_spend_limit_exceeded',
    'billing_hard_limit_reached',
  ].map((code) => answered(`429 ${code}`, says.insufficientQuota(code), QUOTA)),
  answered('a plan without Codex', says.usageNotIncluded(), QUOTA),
  answered(
    'a quota inside a 403',
    { status: 403, body: { error: { type: 'usage_limit_reached', message: 'x' } } },
    QUOTA,
  ),
  { ...answered('a plain 402', { status: 402, body: {} }, QUOTA), mute: true },
  answered('rate limit', says.rateLimited(30), {
    class: 'rate_limit_transient',
    outcome: 'moves',
    status: 'cooling',
  }),
  ...(['status', 'status_code', 'body_error', 'flat', 'no_status'] as const).map(shaped),
  failedWith('insufficient_quota', QUOTA),
  failedWith('rate_limit_exceeded', { class: 'rate_limit_transient', outcome: 'moves', status: 'cooling' }),

  {
    ...answered('an expired token', says.tokenExpired(), {
      class: 'auth_expired',
      outcome: 'moves',
      status: 'needs_login',
    }),
    // A key cannot be renewed, a login can.
    chatgpt: { outcome: 'stays', status: 'ready' },
  },
  answered('a deactivated account', says.accountDeactivated(), {
    class: 'auth_permanent',
    outcome: 'moves',
    status: 'needs_login',
  }),
  answered('a deactivated workspace', says.deactivatedWorkspace(), {
    class: 'account_forbidden',
    outcome: 'moves',
    status: 'suspended',
  }),
  answered('a foreign workspace', says.invalidWorkspace(), {
    class: 'account_forbidden',
    outcome: 'moves',
    status: 'suspended',
  }),
  {
    ...answered(
      'an unexplained 403',
      { status: 403, body: {} },
      { class: 'account_forbidden', outcome: 'moves', status: 'suspended' },
    ),
    mute: true,
    handshake: 'says_nothing',
  },
  answered('a model that the plan lacks', says.planLacksModel('gpt-5.5'), {
    class: 'plan_unsupported',
    outcome: 'moves',
    status: 'ready',
  }),

  {
    ...answered('a 500', says.serverError(500), { ...LOSS, outcome: 'moves' }),
    handshake: 'says_nothing',
  },
  {
    ...answered('a 502', says.serverError(502), { ...LOSS, outcome: 'moves' }),
    handshake: 'says_nothing',
  },
  answered('an overload', says.overloaded(), { class: 'overloaded', outcome: 'stays', status: 'ready' }, [
    'before_created',
  ]),
  answered(
    'an aged socket',
    says.connectionLimit(),
    { class: 'connection_limit', outcome: 'stays', status: 'ready' },
    ['before_created', 'after_created'],
  ),
  {
    name: 'a reset',
    ...LOSS,
    moments: ['before_created', 'after_created', 'mid_output'],
    over: BOTH,
    fault: (at) => ({ kind: 'reset', at }),
  },
  {
    name: 'an early end',
    ...LOSS,
    moments: ['after_created', 'mid_output'],
    over: ['ws'],
    fault: (at) => ({ kind: 'eof', at }),
  },
  ...[1000, 1001, 1008, 1011, 1012, 1013].map(closed),

  {
    ...answered('a challenge of the edge', says.cloudflareChallenge(), EDGE, ['upgrade', 'before_created']),
    handshake: 'says_nothing',
  },
  answered('a region', says.regionNotSupported(), EDGE, ['upgrade', 'before_created']),
  answered(
    'an anchor that is gone',
    says.previousResponseNotFound('resp_x'),
    MENDED('not_found_continuity'),
    ['before_created'],
  ),
  answered('content sealed elsewhere', says.invalidEncryptedContent(), MENDED('encrypted_content_foreign'), [
    'before_created',
  ]),
  answered('a refused parameter', says.unsupportedParameter('top_logprobs'), MENDED('unsupported_param'), [
    'before_created',
  ]),
  { ...closed(1009), class: 'message_too_big', moments: ['before_created'] },

  answered('too long a context', says.contextLength(), TOLD('context_overflow'), ALWAYS),
  answered('a policy', says.cyberPolicy(), TOLD('policy')),
  {
    ...answered(
      'an invalid request',
      {
        status: 400,
        body: { error: { type: 'invalid_request_error', code: 'invalid_value', message: 'no', param: 'x' } },
      },
      TOLD('invalid_request'),
    ),
    handshake: 'says_nothing',
  },
  failedWith('context_length_exceeded', TOLD('context_overflow')),
  failedWith('invalid_prompt', TOLD('policy')),
];
