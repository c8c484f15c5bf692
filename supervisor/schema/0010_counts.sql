-- Pages of a large farm: units and crashes are counted when they come, not when somebody
-- asks.
ALTER TABLE target ADD COLUMN units INTEGER NOT NULL DEFAULT 0;
UPDATE target SET units = (SELECT count(*) FROM target_unit u
	WHERE u.target_id = target.id AND u.state = 'good');

ALTER TABLE target ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;
UPDATE target SET crashes = (SELECT count(*) FROM crash c WHERE c.target_id = target.id);

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
CREATE TRIGGER crash_added AFTER INSERT ON crash BEGIN
	UPDATE target SET crashes = crashes + 1 WHERE id = new.target_id;
END;
CREATE TRIGGER crash_removed AFTER DELETE ON crash BEGIN
	UPDATE target SET crashes = crashes - 1 WHERE id = old.target_id;
END;

CREATE INDEX bug_by_target ON bug(target_id, state, core_ms);
CREATE INDEX bug_by_change ON bug(changed_ms);
CREATE INDEX build_by_flavour ON build(adapter_id, flavour);
CREATE INDEX crash_unjudged ON crash(target_id) WHERE state = 'new';
