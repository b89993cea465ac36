/**
 * What goes wrong in the crowd, and how often. Each trouble names the one code that a client may be told because of
 * it: whatever clients are told has to be paid for by troubles that were dealt.
 */
import * as says from '../../src/simulator/errors.ts';
import type { Behaviour, Fault, FaultMoment, FrameShape } from '../../src/simulator/script.ts';
import type { ErrorAnswer } from '../../src/simulator/wire.ts';
import type { Random } from './random.ts';

export interface Trouble {
  readonly name: string;
  /** How often, in relation to the others. */
  readonly share: number;
  readonly strike: (random: Random) => Strike;
}

export type Strike =
  | { readonly on: 'upstream'; readonly behaviour: Behaviour; readonly mayTell: string | undefined }
  | { readonly on: 'route' }
  | { readonly on: 'client'; readonly leavesAfterMs: number };

/** A spent account is back by itself after so long, so that the pool keeps its capacity. */
const SPENT_MS = 2000;
const BEFORE: readonly FaultMoment[] = ['upgrade', 'before_created', 'after_created'];
const SENT: readonly FaultMoment[] = ['before_created', 'after_created', 'mid_output'];
const ANY: readonly FaultMoment[] = ['upgrade', ...SENT];
const SHAPES: readonly FrameShape[] = ['status', 'status_code', 'body_error', 'flat', 'no_status'];
/** RFC 6455, 7.4.1; of each of these upstream has been seen to make use. */
const CLOSE_CODES = [1000, 1001, 1008, 1011, 1012, 1013];

/** Only after visible output a client hears of it, and then under this code. */
const AFTER_OUTPUT = 'stream_incomplete';

interface Course {
  readonly moments: readonly FaultMoment[];
  readonly late?: string;
  readonly always?: string;
}

function upstream(
  name: string,
  share: number,
  course: Course,
  fault: (at: FaultMoment, random: Random) => object,
): Trouble {
  const strike = (random: Random): Strike => {
    const at = random.one(course.moments);
    const late = at === 'mid_output' ? (course.late ?? AFTER_OUTPUT) : undefined;
    const behaviour = { fault: { at, ...fault(at, random) } as Fault };
    return { on: 'upstream', behaviour, mayTell: course.always ?? late };
  };
  return { name, share, strike };
}

const answered = (
  name: string,
  share: number,
  course: Course,
  answer: (random: Random) => ErrorAnswer & { shape?: FrameShape },
): Trouble => upstream(name, share, course, (_at, random) => ({ kind: 'status', ...answer(random) }));

const spent = (): ErrorAnswer => says.usageLimitReached(Date.now() + SPENT_MS);
const OUT = { moments: ANY, late: 'usage_limit_reached' } as const;

const TROUBLES: readonly Trouble[] = [
  answered('quota with a reset', 8, OUT, spent),
  answered('quota without a reset', 4, OUT, () => says.insufficientQuota()),
  answered('usage limit as a frame', 6, { moments: ['before_created', 'after_created'] }, (random) => ({
    ...spent(),
    shape: random.one(SHAPES),
  })),
  answered('rate limit', 6, { moments: BEFORE }, () => says.rateLimited(1)),
  answered('expired token', 4, { moments: BEFORE }, () => says.tokenExpired()),
  answered('shut workspace', 2, { moments: BEFORE }, () => says.deactivatedWorkspace()),
  answered('500', 8, { moments: ANY }, () => says.serverError(500)),
  answered('502', 6, { moments: ANY }, () => says.serverError(502)),
  answered('overload', 4, { moments: ['before_created'] }, () => says.overloaded()),
  answered('aged socket', 4, { moments: ['before_created', 'after_created'] }, () => says.connectionLimit()),
  answered('too long a context', 4, { moments: SENT, always: 'context_length_exceeded' }, () =>
    says.contextLength(),
  ),
  upstream('failed response', 4, { moments: ['after_created', 'mid_output'] }, () => ({
    kind: 'response_failed',
    error: { code: 'server_error', message: 'The model failed.' },
  })),
  upstream('reset', 10, { moments: SENT }, () => ({ kind: 'reset' })),
  upstream('early end', 6, { moments: ['after_created', 'mid_output'] }, () => ({ kind: 'eof' })),
  upstream('close', 10, { moments: SENT }, (_at, random) => ({
    kind: 'close',
    code: random.one(CLOSE_CODES),
  })),
  upstream('silence', 4, { moments: SENT }, () => ({ kind: 'silence' })),
  { name: 'connection refused', share: 3, strike: () => ({ on: 'route' }) },
  {
    name: 'client leaves',
    share: 20,
    strike: (random) => ({ on: 'client', leavesAfterMs: random.between(0, 25) }),
  },
];

const ALL_SHARES = TROUBLES.reduce((sum, { share }) => sum + share, 0);

export function drawTrouble(random: Random): Trouble {
  let left = random.next() * ALL_SHARES;
  return (
    TROUBLES.find(({ share }) => {
      left -= share;
      return left < 0;
    }) ?? random.one(TROUBLES)
  );
}
