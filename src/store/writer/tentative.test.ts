import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Proposal, Tentative } from './tentative.ts';

type Row = Partial<Record<'a' | 'b' | 'c', number>>;

const change = fc.record({ a: fc.nat(9), b: fc.nat(9), c: fc.nat(9) }, { requiredKeys: [] });
const step = fc.record({ change, kind: fc.constantFrom('change', 'saved', 'dropped') });

test('whatever overlaps, the row is what was changed or saved, and before that what was proposed', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), fc.nat(12), (steps, after) => {
      const tentative = new Tentative<Row>({ a: -1 });
      const open: (() => void)[] = [];
      const settle = (proposal: Proposal, kind: string) =>
        open.push(() => proposal.settle(kind === 'saved' ? 'saved' : 'dropped'));
      for (const [index, { change: made, kind }] of steps.entries()) {
        // Some proposals are settled while others are still to come, always in order.
        if (index === after) for (const end of open.splice(0)) end();
        if (kind === 'change') tentative.change(made);
        else settle(tentative.propose(made), kind);
        expect(tentative.row).toMatchObject(made);
      }
      for (const end of open) end();
      const lasting = steps.filter(({ kind }) => kind !== 'dropped').map((one) => one.change);
      expect(tentative.row).toEqual(Object.assign({ a: -1 }, ...lasting));
    }),
  );
});
