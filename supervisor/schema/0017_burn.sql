-- Where crashes strike, and what they cost engines.
CREATE TABLE crash_burn (
	crash_id INTEGER PRIMARY KEY REFERENCES crash(id) ON DELETE CASCADE,
	place INTEGER,
	swallowed INTEGER NOT NULL DEFAULT 0,
	deaths INTEGER NOT NULL DEFAULT 0,
	us INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX crash_burn_by_place ON crash_burn(place) WHERE place IS NOT NULL;
