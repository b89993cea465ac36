/** The client's own `previous_response_id` in a response, whatever went up in its place. */
import { type Members, scanObject } from '../../protocol/json-scan.ts';
import { rewriteObject } from '../../protocol/json-splice.ts';

/** The client's own `previous_response_id` (null: it sent none), where another one or none went up. */
export type ClientAnchor = 'as_upstream_says' | { readonly id: string | null };

const NAME = 'previous_response_id';

/** `event`: the response object is a member of `data`. What holds no response object stays as it is. */
export function withPreviousResponseId(
  data: Buffer,
  anchor: ClientAnchor,
  form: 'event' | 'whole_response',
): Buffer {
  if (anchor === 'as_upstream_says') return data;
  const scan = scanObject(data);
  if (!scan.ok) return data;
  const value = Buffer.from(JSON.stringify(anchor.id));
  if (form === 'whole_response') return scan.members.has('id') ? set(data, scan.members, value) : data;
  const span = scan.members.get('response');
  if (span === undefined) return data;
  const response = data.subarray(span.start, span.end);
  const inner = scanObject(response);
  if (!inner.ok) return data;
  return rewriteObject(data, scan.members, { set: { response: set(response, inner.members, value) } });
}

function set(response: Buffer, members: Members, value: Buffer): Buffer {
  // An upstream that never says it is not made to say that there is none.
  if (!members.has(NAME) && value.toString('latin1') === 'null') return response;
  return rewriteObject(response, members, { set: { [NAME]: value } });
}
