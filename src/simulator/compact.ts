/**
 * `POST …/responses/compact`: the whole visible history becomes one sealed item. Judged like any turn,
 * answered as one JSON body; of the scripted faults only plain statuses apply.
 */
import { compaction } from './answer.ts';
import { limitHeaders } from './dialect-chatgpt.ts';
import { type Arrival, admit, spentQuota, usageOf } from './turn.ts';
import type { ErrorAnswer } from './wire.ts';
import type { World } from './world.ts';

export function takeCompact(world: World, arrival: Arrival): ErrorAnswer {
  const { account, body } = arrival;
  const admitted = admit(world, arrival);
  if ('rule' in admitted) return admitted.answer;
  const behaviour = account.script.takeForTurn('http');
  const failure = behaviour.fault?.kind === 'status' ? behaviour.fault : spentQuota(account);
  if (failure !== undefined) {
    world.journal.settle(admitted.turn, 'failed');
    return { status: failure.status, body: failure.body, headers: failure.headers ?? {} };
  }
  const { history, lineage } = admitted;
  const output = [compaction({ body, history, behaviour, account, ledger: world.ledger })];
  const usage = usageOf(arrival, { lineage, output, behaviour });
  world.ledger.issueItems(account.name, output, 'unstored');
  world.journal.settle(admitted.turn, 'answered');
  const id = account.nextId('resp');
  const created_at = Math.floor(Date.now() / 1000);
  const headers = account.account.dialect === 'chatgpt' ? limitHeaders(account) : {};
  return { status: 200, body: { id, object: 'response.compaction', created_at, output, usage }, headers };
}
