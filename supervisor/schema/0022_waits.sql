-- A bug whose builds wait for room in the disk budget.
ALTER TABLE bug ADD COLUMN waits TEXT;
