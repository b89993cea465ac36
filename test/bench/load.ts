/** The load generator, a process of its own: takes one job after the other from its parent and answers each. */
import { emptyYield, type Job, type Yield } from './jobs.ts';
import { closeStalled, runHttp, runProbe, runStall } from './load-http.ts';
import { closeGroup, runSockets, stallSockets } from './load-ws.ts';

async function run(job: Job): Promise<Yield> {
  switch (job.do) {
    case 'http':
      return runHttp(job);
    case 'sockets':
      return runSockets(job);
    case 'probe':
      return runProbe(job);
    case 'stall':
      return job.door === 'sse' ? runStall(job) : stallSockets(job);
    case 'close':
      await closeGroup(job.group);
      closeStalled(job.group);
      return emptyYield();
  }
}

process.on('message', ({ number, job }: { readonly number: number; readonly job: Job }) => {
  run(job).then((yielded) => process.send?.({ number, yielded }));
});
process.once('disconnect', () => process.exit());
