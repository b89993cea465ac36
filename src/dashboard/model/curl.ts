/**
 * A turn as a command that asks the same again, as far as the log knows it: texts and keys are never part of it.
 */
import type { RequestWire } from '../../admin-api/request.ts';

export function curlOf(row: RequestWire, origin: string): string {
  const path = row.route === 'responses' ? '/v1/responses' : `/v1/responses/${row.route}`;
  const body = {
    ...(row.model === null ? {} : { model: row.model }),
    ...(row.previous_response_id === null ? {} : { previous_response_id: row.previous_response_id }),
    input: '…',
    ...(row.door === 'json' ? {} : { stream: true }),
  };
  const key = row.tenant === 'local' ? [] : ['  -H "authorization: Bearer $RSP_API_KEY" \\'];
  return [
    `curl ${origin}${path} \\`,
    ...key,
    "  -H 'content-type: application/json' \\",
    `  -d '${JSON.stringify(body).replaceAll("'", "'\\''")}'`,
  ].join('\n');
}
