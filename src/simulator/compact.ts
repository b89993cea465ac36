/**
 * `POST …/responses/compact`: the whole visible history becomes one sealed item. Judged like any turn, answered as
 * one JSON body; of the scripted faults those apply that need no stream, at whatever moment they were to strike.
 */
import { compaction, composeAnswer } from './answer.ts';
import { compacts, refusedRoute } from './compaction.ts';
import { limitHeaders } from './dialect-chatgpt.ts';
import type { TurnStatus } from './journal.ts';
import { afterStrike, type Cut, type ResponseWriter, rest } from './player.ts';
import type { Behaviour, Fault } from './script.ts';
import { type AdmittedTurn, type Arrival, admit, spentQuota, usageOf } from './turn.ts';
import type { ErrorAnswer, Headers } from './wire.ts';
import type { World } from './world.ts';

export async function takeCompact(world: World, arrival: Arrival, writer: ResponseWriter): Promise<void> {
  const admitted = admit(world, arrival);
  if ('rule' in admitted) return writer.refuse(admitted.answer);
  const end = await carryOut(world, { arrival, admitted, writer });
  world.journal.settle(admitted.turn, end);
}

interface Work {
  readonly arrival: Arrival;
  readonly admitted: AdmittedTurn;
  readonly writer: ResponseWriter;
}

async function carryOut(world: World, work: Work): Promise<Exclude<TurnStatus, 'running'>> {
  const { writer } = work;
  const { account } = work.arrival;
  const noRoute = refusedRoute(account);
  if (noRoute !== undefined) return refuse(noRoute, writer);
  const behaviour = account.script.takeForTurn('http');
  await rest(behaviour.delayMs, writer);
  if (writer.gone.aborted) return 'aborted';
  const { fault } = behaviour;
  const failure = fault?.kind === 'status' ? fault : spentQuota(account);
  if (failure !== undefined) return refuse(failure, writer);
  if (isCut(fault)) {
    writer.cut(fault);
    return afterStrike(fault, writer);
  }
  const { body, headers } = compacted(world, work, behaviour);
  writer.open(headers);
  writer.send({ type: 'response.completed', response: body });
  return 'answered';
}

function refuse({ status, body, headers = {} }: ErrorAnswer, writer: ResponseWriter): 'failed' {
  writer.refuse({ status, body, headers });
  return 'failed';
}

const CUTS: ReadonlySet<Fault['kind']> = new Set(['close', 'eof', 'reset', 'silence']);

const isCut = (fault: Fault | undefined): fault is Fault & Cut => fault !== undefined && CUTS.has(fault.kind);

function compacted(
  world: World,
  { arrival, admitted }: Work,
  behaviour: Behaviour,
): { readonly body: object; readonly headers: Headers } {
  const { account, body } = arrival;
  const { history, lineage } = admitted;
  const prompt = { body, history, behaviour, account, ledger: world.ledger };
  const output = compacts(account) ? [compaction(prompt)] : composeAnswer(prompt);
  const usage = usageOf(arrival, { lineage, output, behaviour });
  world.ledger.issueItems(account.name, output, 'unstored');
  const id = account.nextId('resp');
  const created_at = Math.floor(Date.now() / 1000);
  const headers = account.account.dialect === 'chatgpt' ? limitHeaders(account) : {};
  return { body: { id, object: 'response.compaction', created_at, output, usage }, headers };
}
