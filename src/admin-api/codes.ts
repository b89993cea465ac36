/**
 * Codes: why an account is held back, why a session changed accounts, what an attempt or a login failed with.
 * Upstream may name anything, so members that carry a code are text; the codes listed here have words on the page,
 * any other is shown as it is.
 */

/** What this server sets itself. */
export type OwnCode =
  | 'usage_limit_reached'
  | 'insufficient_quota'
  | 'rate_limit_exceeded'
  | 'too_many_pending_turns'
  | 'token_expired'
  | 'no_refresh_token'
  | 'token_refresh_answer_lost'
  | 'token_refresh_takes_long'
  | 'token_refresh_late'
  | 'token_refresh_unavailable'
  | 'token_refreshed_elsewhere'
  | 'no_access_token'
  | 'login_ended'
  | 'account_removed'
  | 'account_paused'
  | 'bound_elsewhere'
  | 'history_missing'
  | 'account_unavailable'
  | 'account_bound_input'
  | 'no_accounts'
  | 'model_not_found'
  | 'item_not_found'
  | 'previous_response_not_found'
  | 'payload_too_large'
  | 'server_is_overloaded'
  | 'server_shutting_down'
  | 'response_cancelled'
  | 'session_released'
  | 'internal'
  | 'internal_error'
  | 'proxy_refused'
  | 'connect_timeout'
  | 'first_event_timeout'
  | 'idle_timeout'
  | 'ping_timeout'
  | 'unary_timeout'
  | 'eof'
  | 'garbage';

/** What upstream and its login service are known to say about an account. */
export type UpstreamCode =
  | 'quota_exceeded'
  | 'credit_balance_exhausted'
  | 'organization_spend_limit_exceeded'
  | 'project_spend_limit_exceeded'
  | 'organization_usage_limit_exceeded'
  | 'billing_hard_limit_reached'
  | 'subscription_sharing_usage_limit_exceeded'
  | 'usage_limit_exceeded'
  | 'usage_not_included'
  | 'rate_limit_error'
  | 'slow_down'
  | 'overloaded_error'
  | 'service_unavailable_error'
  | 'server_error'
  | 'invalid_api_key'
  | 'invalid_authentication'
  | 'unauthorized'
  | 'authentication_error'
  | 'token_invalidated'
  | 'token_revoked'
  | 'refresh_token_expired'
  | 'refresh_token_reused'
  | 'refresh_token_invalidated'
  | 'invalid_grant'
  | 'access_denied'
  | 'app_session_terminated'
  | 'account_session_expired'
  | 'account_deactivated'
  | 'account_suspended'
  | 'account_deleted'
  | 'deactivated_workspace'
  | 'workspace_deactivated'
  | 'invalid_workspace_selected'
  | 'workspace_access_denied'
  | 'permission_denied'
  | 'forbidden'
  | 'unsupported_country_region_territory';

export type KnownCode = OwnCode | UpstreamCode;

/** Why a login failed, where it was neither upstream nor the login service that said so. */
export type LoginFailure =
  | 'expired'
  | 'unusable_tokens'
  | 'internal_error'
  | 'server_stopped'
  | 'store_unavailable';
