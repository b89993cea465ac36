import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // By itself vitest leaves one processor free, which on two of them is half of all.
    // One more than there are, because tests wait, too.
    maxWorkers: '150%',
    // To load all modules anew for each file took a quarter of the time; none keeps anything that a test could see.
    isolate: false,
    projects: [
      {
        test: { name: 'unit', include: ['src/**/*.test.ts', 'test/shape/**/*.test.ts'], environment: 'node' },
      },
      {
        test: {
          name: 'scenario',
          include: ['test/scenario/**/*.test.ts'],
          environment: 'node',
          testTimeout: 20_000,
        },
      },
    ],
  },
});
