-- What language models and solvers of CAPTCHAs were used for. Events before this held neither, so the days that are there
-- are right with zeros.
ALTER TABLE usage_days ADD COLUMN tokens bigint NOT NULL DEFAULT 0;
ALTER TABLE usage_days ADD COLUMN captchas bigint NOT NULL DEFAULT 0;
