-- Projects without a staging branch, and bugs of what is merged there.
ALTER TABLE adapter ADD COLUMN is_main INTEGER NOT NULL DEFAULT 0 CHECK (is_main IN (0, 1));
ALTER TABLE bug ADD COLUMN is_merged INTEGER NOT NULL DEFAULT 0 CHECK (is_merged IN (0, 1));
