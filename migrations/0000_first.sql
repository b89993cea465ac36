CREATE TABLE `account` (
	`id` text PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`name` text NOT NULL,
	`email_sealed` blob,
	`plan` text,
	`identity` blob NOT NULL,
	`base_url` text,
	`priority` integer NOT NULL,
	`max_used_percent` real NOT NULL,
	`transport` text NOT NULL,
	`proxy_sealed` blob,
	`paused` integer NOT NULL,
	`credentials_sealed` blob NOT NULL,
	`status` text NOT NULL,
	`status_reason` text,
	`available_at` integer,
	`last_used_at` integer,
	`installation_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `account_identity_unique` ON `account` (`identity`);--> statement-breakpoint
CREATE TABLE `account_model_block` (
	`account_id` text NOT NULL,
	`model` text NOT NULL,
	`until_at` integer NOT NULL,
	PRIMARY KEY(`account_id`, `model`),
	FOREIGN KEY (`account_id`) REFERENCES `account`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `account_window` (
	`account_id` text NOT NULL,
	`name` text NOT NULL,
	`used_percent` real NOT NULL,
	`window_minutes` integer,
	`resets_at` integer,
	`seen_at` integer NOT NULL,
	PRIMARY KEY(`account_id`, `name`),
	FOREIGN KEY (`account_id`) REFERENCES `account`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `api_key` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`hash` blob NOT NULL,
	`prefix` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	`models` text,
	`accounts` text,
	`limits` text,
	`revoked_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `api_key_hash_unique` ON `api_key` (`hash`);--> statement-breakpoint
CREATE TABLE `request` (
	`id` text PRIMARY KEY NOT NULL,
	`at` integer NOT NULL,
	`tenant` text NOT NULL,
	`session` text NOT NULL,
	`door` text NOT NULL,
	`route` text NOT NULL,
	`model` text,
	`status` text NOT NULL,
	`response_id` text,
	`previous_response_id` text,
	`account_id` text,
	`account_reason` text,
	`continuity` text NOT NULL,
	`attempts` text NOT NULL,
	`error` text,
	`dropped_params` text,
	`input_tokens` integer,
	`cached_tokens` integer,
	`output_tokens` integer,
	`reasoning_tokens` integer,
	`first_event_ms` integer,
	`total_ms` integer NOT NULL,
	`stored` integer NOT NULL,
	`forgotten` integer DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE INDEX `request_response` ON `request` (`response_id`,`tenant`) WHERE response_id is not null;--> statement-breakpoint
CREATE INDEX `request_at` ON `request` (`at`);--> statement-breakpoint
CREATE INDEX `request_session` ON `request` (`session`,`at`);--> statement-breakpoint
CREATE INDEX `request_tenant` ON `request` (`tenant`,`at`);--> statement-breakpoint
CREATE TABLE `setting` (
	`key` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `transcript` (
	`tenant` text NOT NULL,
	`response_id` text NOT NULL,
	`parent_id` text,
	`root_id` text NOT NULL,
	`account_id` text,
	`session_id` text NOT NULL,
	`chain` blob NOT NULL,
	`input_count` integer NOT NULL,
	`output_count` integer NOT NULL,
	`bytes` integer NOT NULL,
	`hidden` integer DEFAULT false NOT NULL,
	`created_at` integer NOT NULL,
	`body` blob NOT NULL,
	PRIMARY KEY(`tenant`, `response_id`),
	FOREIGN KEY (`tenant`,`root_id`) REFERENCES `transcript_tree`(`tenant`,`root_id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `transcript_root` ON `transcript` (`tenant`,`root_id`);--> statement-breakpoint
CREATE INDEX `transcript_chain` ON `transcript` (`tenant`,`chain`);--> statement-breakpoint
CREATE TABLE `transcript_item` (
	`tenant` text NOT NULL,
	`item_id` text NOT NULL,
	`response_id` text NOT NULL,
	PRIMARY KEY(`tenant`, `item_id`),
	FOREIGN KEY (`tenant`,`response_id`) REFERENCES `transcript`(`tenant`,`response_id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `transcript_item_response` ON `transcript_item` (`tenant`,`response_id`);--> statement-breakpoint
CREATE TABLE `transcript_tree` (
	`tenant` text NOT NULL,
	`root_id` text NOT NULL,
	`last_used_at` integer NOT NULL,
	`bytes` integer NOT NULL,
	PRIMARY KEY(`tenant`, `root_id`)
);
--> statement-breakpoint
CREATE INDEX `transcript_tree_last_used` ON `transcript_tree` (`last_used_at`,`bytes`);