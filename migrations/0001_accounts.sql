CREATE TABLE `account_quota_sample` (
	`account_id` text NOT NULL,
	`name` text NOT NULL,
	`at` integer NOT NULL,
	`used_percent` real NOT NULL,
	`resets_at` integer,
	PRIMARY KEY(`account_id`, `name`, `at`),
	FOREIGN KEY (`account_id`) REFERENCES `account`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
ALTER TABLE `account` ADD `login_version` integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE `account` ADD `renewing_since` integer;--> statement-breakpoint
ALTER TABLE `account` ADD `status_since` integer;--> statement-breakpoint
ALTER TABLE `account` ADD `strikes` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `account_model_block` ADD `reason` text DEFAULT 'plan' NOT NULL;