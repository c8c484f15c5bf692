-- Engines that could not do their work, say because their target was stopped for taking too
-- much: what an operator must be told about a target, though it is no bug.
ALTER TABLE target ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE target ADD COLUMN failure TEXT;
ALTER TABLE target ADD COLUMN failed_ms INTEGER;
