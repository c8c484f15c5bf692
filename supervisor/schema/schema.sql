-- Today's model, to be read in one sitting. The numbered files beside this one are the
-- steps that lead here; a test proves that they do. Times are integer ms UTC, hashes are
-- 32-byte blobs of SHA-256, ids are local to this database.

-- A project as it was loaded the last time, with the parameters that made its source.
CREATE TABLE adapter (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	dir TEXT NOT NULL,               -- where adapter.json was, for commands without a farm
	parameters TEXT NOT NULL,        -- "seed=1", sorted, or empty
	snapshot TEXT,                   -- commit of the staging branch that is fuzzed
	worked TEXT,                     -- the last such commit whose fuzzing began
	-- It has no staging branch: what counts as staged is merged already.
	is_main INTEGER NOT NULL DEFAULT 0 CHECK (is_main IN (0, 1))
) STRICT;

-- One fuzz target of an adapter, with its totals over all runs.
CREATE TABLE target (
	id INTEGER PRIMARY KEY,
	adapter_id INTEGER NOT NULL REFERENCES adapter(id),
	name TEXT NOT NULL,
	executions INTEGER NOT NULL DEFAULT 0,
	core_ms INTEGER NOT NULL DEFAULT 0,  -- CPU time of its fuzz jobs
	found_ms INTEGER,                    -- when it last showed a new feature
	failures INTEGER NOT NULL DEFAULT 0, -- engines that ended without having worked
	failure TEXT,                        -- how the last of them ended
	failed_ms INTEGER,
	held_ms INTEGER,                     -- since when no engine may start on it; NULL: one may
	held_why TEXT,
	offline_ms INTEGER,                  -- its adapter has it no more since then
	units INTEGER NOT NULL DEFAULT 0,    -- good ones of its corpus; triggers count these
	crashes INTEGER NOT NULL DEFAULT 0,  -- and these
	UNIQUE (adapter_id, name)
) STRICT;

-- What each engine did on a target, over all runs.
CREATE TABLE target_engine (
	target_id INTEGER NOT NULL REFERENCES target(id),
	engine TEXT NOT NULL,
	executions INTEGER NOT NULL,
	core_ms INTEGER NOT NULL,
	received INTEGER NOT NULL,           -- units that another engine found, given to it
	kept INTEGER NOT NULL,               -- of those: new to it, too
	PRIMARY KEY (target_id, engine)
) STRICT, WITHOUT ROWID;

-- A target over time: at most 2,000 points each, the older ones farther apart.
CREATE TABLE target_history (
	target_id INTEGER NOT NULL REFERENCES target(id),
	at_ms INTEGER NOT NULL,
	executions INTEGER NOT NULL,         -- of all runs
	features INTEGER NOT NULL,           -- on the reference build of then
	units INTEGER NOT NULL,
	per_second INTEGER NOT NULL,         -- of the engines that ran then
	PRIMARY KEY (target_id, at_ms)
) STRICT, WITHOUT ROWID;

-- Staged pull requests, by their heads: another version of one is another row.
CREATE TABLE staged_pr (
	adapter_id INTEGER NOT NULL REFERENCES adapter(id),
	pr INTEGER NOT NULL,
	head TEXT NOT NULL,                  -- its newest commit; empty: nobody says
	head_ref TEXT,
	merge TEXT NOT NULL,                 -- its commit on the staging branch
	tree TEXT NOT NULL,                  -- of the newest snapshot that holds it
	promoted_ms INTEGER NOT NULL,
	position INTEGER NOT NULL,           -- on the branch, 1 is the oldest
	is_current INTEGER NOT NULL CHECK (is_current IN (0, 1)),  -- in today's snapshot
	since_ms INTEGER NOT NULL,           -- first seen in a snapshot
	core_ms INTEGER NOT NULL DEFAULT 0,  -- of engines, with it in the tree
	executions INTEGER NOT NULL DEFAULT 0,
	title TEXT NOT NULL DEFAULT '',
	url TEXT,
	repo TEXT,                           -- owner/repo, where a message says whose number it is
	PRIMARY KEY (adapter_id, pr, head)
) STRICT, WITHOUT ROWID;

-- What each of them changed, by file.
CREATE TABLE staged_change (
	adapter_id INTEGER NOT NULL,
	pr INTEGER NOT NULL,
	head TEXT NOT NULL,
	path TEXT NOT NULL,
	added INTEGER NOT NULL,              -- lines
	removed INTEGER NOT NULL,
	functions TEXT NOT NULL,             -- JSON array of names
	functions_left_out INTEGER NOT NULL, -- that are not named
	PRIMARY KEY (adapter_id, pr, head, path),
	FOREIGN KEY (adapter_id, pr, head) REFERENCES staged_pr(adapter_id, pr, head)
) STRICT, WITHOUT ROWID;

-- Targets that have to do with one.
CREATE TABLE staged_target (
	adapter_id INTEGER NOT NULL,
	pr INTEGER NOT NULL,
	head TEXT NOT NULL,
	target_id INTEGER NOT NULL REFERENCES target(id),
	is_near INTEGER NOT NULL CHECK (is_near IN (0, 1)),  -- its corpus reaches functions that changed
	lines INTEGER,                       -- reached of the pull request's own; NULL: nobody has looked
	PRIMARY KEY (adapter_id, pr, head, target_id),
	FOREIGN KEY (adapter_id, pr, head) REFERENCES staged_pr(adapter_id, pr, head)
) STRICT, WITHOUT ROWID;

-- The trees of snapshots that each was in, and what ran on builds of those.
CREATE TABLE staged_tree (
	adapter_id INTEGER NOT NULL,
	pr INTEGER NOT NULL,
	head TEXT NOT NULL,
	tree TEXT NOT NULL,
	PRIMARY KEY (adapter_id, pr, head, tree),
	FOREIGN KEY (adapter_id, pr, head) REFERENCES staged_pr(adapter_id, pr, head)
) STRICT, WITHOUT ROWID;

CREATE TABLE tree_work (
	adapter_id INTEGER NOT NULL REFERENCES adapter(id),
	tree TEXT NOT NULL,
	target_id INTEGER NOT NULL REFERENCES target(id),
	flavour TEXT NOT NULL,
	engine TEXT NOT NULL,                -- or replay: units under a flavour that judges
	core_ms INTEGER NOT NULL,
	executions INTEGER NOT NULL,
	PRIMARY KEY (adapter_id, tree, target_id, flavour, engine)
) STRICT, WITHOUT ROWID;

-- Which lines the corpora of a snapshot reach, when that was last looked at: one row for
-- each target, and one of its adapter as a whole. The reports are below coverage/.
CREATE TABLE coverage (
	adapter_id INTEGER NOT NULL REFERENCES adapter(id),
	target_id INTEGER REFERENCES target(id),  -- NULL: all of them together
	snapshot TEXT NOT NULL,              -- commit
	lines INTEGER NOT NULL,              -- that can be executed
	lines_reached INTEGER NOT NULL,
	functions INTEGER NOT NULL,
	functions_reached INTEGER NOT NULL,
	regions INTEGER NOT NULL,
	regions_reached INTEGER NOT NULL,
	units INTEGER NOT NULL,              -- that were run
	died INTEGER NOT NULL,               -- of those
	core_ms INTEGER NOT NULL,            -- CPU time of its jobs, without the build
	at_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX coverage_of ON coverage(adapter_id, ifnull(target_id, 0));

-- What of a staged pull request's lines any corpus reaches, by numbers of the snapshot that
-- was looked at.
CREATE TABLE staged_coverage (
	adapter_id INTEGER NOT NULL,
	pr INTEGER NOT NULL,
	head TEXT NOT NULL,
	lines INTEGER NOT NULL,              -- its own that can be executed
	lines_reached INTEGER NOT NULL,
	gaps TEXT NOT NULL,                  -- JSON array: path, first and last of those that are not
	at_ms INTEGER NOT NULL,
	PRIMARY KEY (adapter_id, pr, head),
	FOREIGN KEY (adapter_id, pr, head) REFERENCES staged_pr(adapter_id, pr, head)
) STRICT, WITHOUT ROWID;

-- Some targets, a budget for them, and what came of it.
CREATE TABLE campaign (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	state TEXT NOT NULL CHECK (state IN ('active', 'done', 'stopped')),
	budget_ms INTEGER NOT NULL CHECK (budget_ms > 0),  -- core time
	core_ms INTEGER NOT NULL DEFAULT 0,  -- of engines that it had on its targets
	executions INTEGER NOT NULL DEFAULT 0,
	features INTEGER NOT NULL DEFAULT 0, -- that were new on the reference builds
	crashes INTEGER,                     -- of its targets, from begin to end
	bugs INTEGER,                        -- new ones, likewise
	began_ms INTEGER NOT NULL,
	ended_ms INTEGER
) STRICT;

CREATE TABLE campaign_target (
	campaign_id INTEGER NOT NULL REFERENCES campaign(id),
	target_id INTEGER NOT NULL REFERENCES target(id),
	PRIMARY KEY (campaign_id, target_id)
) STRICT, WITHOUT ROWID;

-- adapter × tree × flavour; builds/<closure>/ holds the files of a good one, and
-- builds/<closure>.log.zst what its command printed.
CREATE TABLE build (
	id INTEGER PRIMARY KEY,
	closure TEXT NOT NULL UNIQUE,
	adapter_id INTEGER NOT NULL REFERENCES adapter(id),
	tree TEXT NOT NULL,
	flavour TEXT NOT NULL,
	is_ok INTEGER NOT NULL CHECK (is_ok IN (0, 1)),
	error TEXT,                          -- first compiler error of a failed one
	core_ms INTEGER NOT NULL,
	made_ms INTEGER NOT NULL,
	bytes INTEGER NOT NULL DEFAULT 0,    -- on disk; 0: nobody has looked
	used_ms INTEGER NOT NULL DEFAULT 0,  -- to within ten minutes
	left_ms INTEGER,                     -- its files left since then, to make room
	uninstrumented TEXT                  -- libraries that its sanitizer cannot see into
) STRICT;
CREATE INDEX build_by_flavour ON build(adapter_id, flavour);

-- How much room what can be made again may take. One row, once somebody has said it.
CREATE TABLE disk (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	budget INTEGER                       -- bytes; NULL: no bound
) STRICT;

-- Content of one corpus input, in a pack: units/<pack>.pack at offset, zstd-compressed.
CREATE TABLE unit (
	id INTEGER PRIMARY KEY,
	sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
	size INTEGER NOT NULL,
	pack INTEGER NOT NULL,
	offset INTEGER NOT NULL,
	stored INTEGER NOT NULL,             -- bytes in the pack
	added_ms INTEGER NOT NULL
) STRICT;

-- A unit belongs to the corpus of a target.
CREATE TABLE target_unit (
	target_id INTEGER NOT NULL REFERENCES target(id),
	unit_id INTEGER NOT NULL REFERENCES unit(id),
	origin TEXT NOT NULL CHECK (origin IN ('seed', 'fuzz', 'import')),
	state TEXT NOT NULL DEFAULT 'good' CHECK (state IN ('good', 'quarantined')),
	added_ms INTEGER NOT NULL,
	PRIMARY KEY (target_id, unit_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER target_unit_added AFTER INSERT ON target_unit WHEN new.state = 'good' BEGIN
	UPDATE target SET units = units + 1 WHERE id = new.target_id;
END;
CREATE TRIGGER target_unit_changed AFTER UPDATE OF state ON target_unit
	WHEN new.state <> old.state BEGIN
	UPDATE target SET units = units + iif(new.state = 'good', 1, -1)
		WHERE id = new.target_id;
END;
CREATE TRIGGER target_unit_removed AFTER DELETE ON target_unit WHEN old.state = 'good' BEGIN
	UPDATE target SET units = units - 1 WHERE id = old.target_id;
END;
CREATE INDEX target_unit_by_age ON target_unit(target_id, added_ms) WHERE state = 'good';

-- What a unit does on one build of its target: on the reference build its features, on
-- sanitizer builds whether it passes. A unit is run at most once per build.
CREATE TABLE measure (
	build_id INTEGER NOT NULL REFERENCES build(id),
	target_id INTEGER NOT NULL REFERENCES target(id),
	unit_id INTEGER NOT NULL REFERENCES unit(id),
	outcome TEXT NOT NULL CHECK (outcome IN ('passed', 'died')),
	us INTEGER NOT NULL,
	feature_count INTEGER NOT NULL,
	features BLOB,                       -- zstd of delta varints; NULL off the reference build
	PRIMARY KEY (build_id, target_id, unit_id)
) STRICT, WITHOUT ROWID;

-- Which flavours judge a target's units, and how far each has come, so that what waits is
-- found without looking at every unit. The reference is one of them.
CREATE TABLE judging (
	target_id INTEGER NOT NULL REFERENCES target(id),
	flavour TEXT NOT NULL,
	build_id INTEGER REFERENCES build(id) ON DELETE SET NULL,  -- NULL: there is none
	since_ms INTEGER NOT NULL,           -- when that build came: no unit waits longer
	seen_ms INTEGER NOT NULL DEFAULT 0,  -- good units that were added before have run on it
	within_ms INTEGER NOT NULL,          -- how long one may wait; 0: as long as it takes
	PRIMARY KEY (target_id, flavour)
) STRICT, WITHOUT ROWID;

-- A cluster with a life.
CREATE TABLE bug (
	id INTEGER PRIMARY KEY,
	adapter_id INTEGER NOT NULL REFERENCES adapter(id),
	target_id INTEGER NOT NULL REFERENCES target(id),  -- where it was seen first
	type TEXT NOT NULL,                  -- crash type, ClusterFuzz's words
	is_security INTEGER NOT NULL CHECK (is_security IN (0, 1)),
	frames TEXT NOT NULL,                -- JSON array: signature, innermost first
	flavour TEXT NOT NULL,               -- the build it is judged on
	build_id INTEGER NOT NULL REFERENCES build(id),
	best BLOB NOT NULL,                  -- artifact: best reproducer
	best_size INTEGER NOT NULL,
	first_size INTEGER NOT NULL,
	is_minimized INTEGER NOT NULL DEFAULT 0 CHECK (is_minimized IN (0, 1)),
	runs INTEGER NOT NULL,               -- of the best reproducer in fresh processes
	hits INTEGER NOT NULL,
	outcome TEXT CHECK (outcome IN
		('staged', 'interaction', 'pre-existing', 'suspect', 'flaky', 'infra')),
	prs TEXT,                            -- JSON array of PR numbers at fault
	-- JSON: how it was proven, step by step, and the commits at fault that belong to no PR;
	-- before there is an outcome: how far that has got.
	proof TEXT,
	report BLOB NOT NULL,                -- artifact: the report it is named by
	issue TEXT,                          -- path below outbox/
	found_ms INTEGER NOT NULL,
	changed_ms INTEGER NOT NULL,
	core_ms INTEGER NOT NULL DEFAULT 0,  -- CPU time of triage's jobs for it, without builds
	found_commit TEXT,                   -- the snapshot that it was found on
	tested_tree TEXT,                    -- the newest one that it was run on again
	tested_ms INTEGER,
	tested_runs INTEGER,                 -- that tell something; 0: it cannot be tested there
	tested_hits INTEGER,
	-- What people decided by hand; NULL: nothing.
	decision TEXT CHECK (decision IN ('wontfix', 'expected', 'closed')),
	decision_why TEXT,
	decision_by TEXT,                    -- a token's name or a local user's
	decision_ms INTEGER,
	decision_commit TEXT,                -- the snapshot of then: a sighting on another reopens
	muted_ms INTEGER,                    -- since when sightings do not rewrite its issue
	merged_into INTEGER REFERENCES bug(id), -- the bug that it turned out to be; NULL: itself
	-- What the machine says of it: flaky is open and fails at times only; fixed has evidence;
	-- regressed was fixed and shows again.
	state TEXT NOT NULL DEFAULT 'new'
		CHECK (state IN ('new', 'open', 'flaky', 'fixed', 'regressed')),
	-- Its input still reaches there the code that failed; NULL: nobody has looked.
	tested_reach INTEGER CHECK (tested_reach IN (0, 1)),
	severity TEXT                        -- CASR's class; NULL: judged before there was one
		CHECK (severity IN ('EXPLOITABLE', 'PROBABLY_EXPLOITABLE', 'NOT_EXPLOITABLE')),
	severity_reason TEXT,
	-- It ends the program, and strangers can send what does it.
	is_remote INTEGER NOT NULL DEFAULT 0 CHECK (is_remote IN (0, 1)),
	-- It was attributed on a main branch: people may run what it is in.
	is_merged INTEGER NOT NULL DEFAULT 0 CHECK (is_merged IN (0, 1)),
	mend TEXT,                           -- JSON: who mended it the last time, who undid it, and the proofs
	waits TEXT                           -- why its builds wait for room, and what to do
) STRICT;
CREATE INDEX bug_by_target ON bug(target_id, state, core_ms, decision);
CREATE INDEX bug_by_change ON bug(changed_ms);
CREATE INDEX bug_by_merge ON bug(merged_into) WHERE merged_into IS NOT NULL;

-- Pairs that a person told apart: only a person merges them again.
CREATE TABLE bug_apart (
	a INTEGER NOT NULL REFERENCES bug(id),
	b INTEGER NOT NULL REFERENCES bug(id),
	PRIMARY KEY (a, b),
	CHECK (a < b)
) STRICT, WITHOUT ROWID;

-- What happened to a bug, in words that are no secret while the bug is one.
CREATE TABLE bug_event (
	id INTEGER PRIMARY KEY,
	bug_id INTEGER NOT NULL REFERENCES bug(id),
	at_ms INTEGER NOT NULL,
	what TEXT NOT NULL,                  -- found, sighting, minimized, attributed, issue, tested, …
	text TEXT NOT NULL,
	actor TEXT,                          -- who did it by hand; NULL: the farm
	why TEXT                             -- in that person's words, which may be a secret
) STRICT;
CREATE INDEX bug_event_by_bug ON bug_event(bug_id);

-- One observed failure: an input, a build, a report. Rows are made when the artifact is on
-- disk and synced, before anyone is told.
CREATE TABLE crash (
	id INTEGER PRIMARY KEY,
	target_id INTEGER NOT NULL REFERENCES target(id),
	build_id INTEGER NOT NULL REFERENCES build(id),  -- the build that crashed first
	kind TEXT NOT NULL,                  -- the engine's word: crash, timeout, oom, leak
	input BLOB NOT NULL CHECK (length(input) = 32),
	size INTEGER NOT NULL,
	report BLOB,                         -- artifact: text of the find
	runs INTEGER NOT NULL DEFAULT 0,
	hits INTEGER NOT NULL DEFAULT 0,
	type TEXT,
	frames TEXT,
	bug_id INTEGER REFERENCES bug(id),   -- never one that is merged into another
	found_ms INTEGER NOT NULL,
	own_bug_id INTEGER REFERENCES bug(id),  -- the one before merges; NULL: bug_id
	is_pinned INTEGER NOT NULL DEFAULT 0 CHECK (is_pinned IN (0, 1)),  -- a person chose it
	-- environment: it fails only as the engine runs it; why says what the difference is.
	state TEXT NOT NULL DEFAULT 'new'
		CHECK (state IN ('new', 'judged', 'unreproducible', 'environment')),
	why TEXT,
	retries INTEGER NOT NULL DEFAULT 0,  -- on newer builds
	tried_build INTEGER,                 -- the newest of its target's reference builds of then
	UNIQUE (target_id, build_id, input)
) STRICT;
CREATE TRIGGER crash_added AFTER INSERT ON crash BEGIN
	UPDATE target SET crashes = crashes + 1 WHERE id = new.target_id;
END;
CREATE TRIGGER crash_removed AFTER DELETE ON crash BEGIN
	UPDATE target SET crashes = crashes - 1 WHERE id = old.target_id;
END;
CREATE INDEX crash_by_state ON crash(state);
CREATE INDEX crash_by_bug ON crash(bug_id);
CREATE INDEX crash_by_own_bug ON crash(own_bug_id) WHERE own_bug_id IS NOT NULL;
CREATE INDEX crash_unjudged ON crash(target_id) WHERE state = 'new';
CREATE INDEX crash_unreproduced ON crash(target_id) WHERE state IN ('unreproducible', 'environment');

-- Where a crash strikes on its build, so that engines go on past it, and what that and
-- starting them again has cost.
CREATE TABLE crash_burn (
	crash_id INTEGER PRIMARY KEY REFERENCES crash(id) ON DELETE CASCADE,
	place INTEGER,                       -- the shield's key; NULL: nobody could tell
	swallowed INTEGER NOT NULL DEFAULT 0,  -- executions that ended there and nothing else did
	deaths INTEGER NOT NULL DEFAULT 0,   -- engines that ended there
	us INTEGER NOT NULL DEFAULT 0        -- CPU time of both
) STRICT;
CREATE INDEX crash_burn_by_place ON crash_burn(place) WHERE place IS NOT NULL;

-- Answers of the bisection: does this bug show on a tree?
CREATE TABLE verdict (
	bug_id INTEGER NOT NULL REFERENCES bug(id),
	input BLOB NOT NULL CHECK (length(input) = 32),  -- artifact: what was run
	tree TEXT NOT NULL,                  -- git tree id of what was built
	answer TEXT NOT NULL CHECK (answer IN ('bad', 'good', 'untestable')),
	runs INTEGER NOT NULL,
	hits INTEGER NOT NULL,               -- of this bug
	others INTEGER NOT NULL,             -- runs that failed in another way
	PRIMARY KEY (bug_id, input, tree)
) STRICT, WITHOUT ROWID;
CREATE INDEX verdict_by_input ON verdict(input);

-- Who may do what over HTTP. A revoked token stays, so that its use is understood.
CREATE TABLE token (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL,                  -- of one that is not revoked: nobody else's
	role TEXT NOT NULL CHECK (role IN ('read', 'triage', 'admin')),
	hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),  -- all that is kept of the secret
	created_ms INTEGER NOT NULL,
	last_used_ms INTEGER,                -- to within ten minutes
	revoked_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX token_by_name ON token(name) WHERE revoked_ms IS NULL;
