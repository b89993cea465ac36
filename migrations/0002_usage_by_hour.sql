CREATE TABLE `usage_hour` (
	`hour_at` integer NOT NULL,
	`tenant` text NOT NULL,
	`account_id` text NOT NULL,
	`model` text NOT NULL,
	`turns` integer NOT NULL,
	`failed` integer NOT NULL,
	`input_tokens` integer NOT NULL,
	`cached_tokens` integer NOT NULL,
	`output_tokens` integer NOT NULL,
	`reasoning_tokens` integer NOT NULL,
	PRIMARY KEY(`hour_at`, `tenant`, `account_id`, `model`)
);
