/** The verb `status`: what the server says of itself, one `name: value` line per figure. */
import type { CommandContext } from './context.ts';

export async function showStatus(
  context: CommandContext,
  options: { readonly json?: boolean },
): Promise<void> {
  const status = await context.admin.request('GET', '/api/status');
  context.print(options.json ? JSON.stringify(status, undefined, 2) : linesOf(status).join('\n'));
}

/** Nested members become `pool.ready: 2`, so that every figure the server adds is shown without a change here. */
function linesOf(value: unknown, path: readonly string[] = []): string[] {
  if (typeof value !== 'object' || value === null) return [`${path.join('.')}: ${value ?? '-'}`];
  return Object.entries(value).flatMap(([name, member]) => linesOf(member, [...path, name]));
}
