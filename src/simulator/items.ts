/**
 * Items that are tedious to write out, for behaviours and for uploads. As data of a behaviour they get their ids, and
 * seals in place of `SEAL`, when the account gives them out.
 */
import type { Item } from './wire.ts';

/** Stands for sealed content in a behaviour's items: replaced by a fresh seal of the account each time. */
export const SEAL = '{seal}';

/** What one agent of a client sends another; a part of it is sealed. */
export function agentMessage(
  fields: { readonly author?: string; readonly recipient?: string; readonly text?: string } = {},
  seal: string = SEAL,
): Item {
  const { author = '/root/helper', recipient = '/root', text = 'Message Type: RESULT' } = fields;
  const content = [
    { type: 'input_text', text },
    { type: 'encrypted_content', encrypted_content: seal },
  ];
  return { type: 'agent_message', author, recipient, content };
}

/** A tool's output of which a part is sealed. */
export function sealedOutput(callId: string, seal: string, type = 'function_call_output'): Item {
  const output = [
    { type: 'input_text', text: 'the open part' },
    { type: 'encrypted_content', encrypted_content: seal },
  ];
  return { type, call_id: callId, output };
}

export const webSearchCall = (query = 'weather'): Item => ({
  type: 'web_search_call',
  status: 'completed',
  action: { type: 'search', query },
});

export const approvalRequest = (name = 'delete_all'): Item => ({
  type: 'mcp_approval_request',
  server_label: 'tools',
  name,
  arguments: '{}',
});

export const approvalResponse = (requestId: string): Item => ({
  type: 'mcp_approval_response',
  approval_request_id: requestId,
  approve: true,
});
