-- Snapshots that follow each other: which one worked, which targets it has, and what a bug
-- did on the newest.
ALTER TABLE adapter ADD COLUMN worked TEXT;
ALTER TABLE target ADD COLUMN offline_ms INTEGER;
ALTER TABLE bug ADD COLUMN found_commit TEXT;
ALTER TABLE bug ADD COLUMN tested_tree TEXT;
ALTER TABLE bug ADD COLUMN tested_ms INTEGER;
ALTER TABLE bug ADD COLUMN tested_runs INTEGER;
ALTER TABLE bug ADD COLUMN tested_hits INTEGER;
