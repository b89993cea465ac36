CREATE TABLE `account_binding` (
	`tenant` text NOT NULL,
	`name` text NOT NULL,
	`account_id` text NOT NULL,
	`at` integer NOT NULL,
	PRIMARY KEY(`tenant`, `name`)
);
--> statement-breakpoint
CREATE INDEX `account_binding_at` ON `account_binding` (`at`);--> statement-breakpoint
ALTER TABLE `request` ADD `bound` text;