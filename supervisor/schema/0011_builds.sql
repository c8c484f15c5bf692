-- Builds that leave when they take too much of the disk, and come back when asked for.
ALTER TABLE build ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE build ADD COLUMN used_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE build ADD COLUMN left_ms INTEGER;
ALTER TABLE build ADD COLUMN uninstrumented TEXT;
UPDATE build SET used_ms = made_ms;

CREATE TABLE disk (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	budget INTEGER
) STRICT;
