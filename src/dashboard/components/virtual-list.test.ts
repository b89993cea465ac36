import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sliceOf } from './virtual-list.tsx';

test('the visible rows are always on the page, and never more than a few others', () => {
  const heights = fc.constantFrom(40, 60);
  fc.assert(
    fc.property(fc.nat(100_000), fc.nat(100_000), heights, (length, at, rowHeight) => {
      const top = Math.min(at, length) * rowHeight;
      const view = { top, height: 800 };
      const { from, to } = sliceOf(view, rowHeight, length);
      const last = Math.min(length, Math.floor((top + 800) / rowHeight));
      expect(from).toBeLessThanOrEqual(Math.floor(top / rowHeight));
      expect(to).toBeGreaterThanOrEqual(last);
      expect(to - from).toBeLessThanOrEqual(800 / rowHeight + 26);
      expect(from).toBeGreaterThanOrEqual(0);
      expect(to).toBeLessThanOrEqual(length);
    }),
  );
});
