-- When an item's result and picture were erased. No event before this erased any.
ALTER TABLE items ADD COLUMN erased_at timestamptz;
