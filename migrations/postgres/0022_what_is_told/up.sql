-- What an agency has measured, and what of it the district was told; sealed under the student's key.
ALTER TABLE offers ADD COLUMN report BYTEA;

-- Whether the district was told what happened: what an agency does with one whom it serves is health information.
ALTER TABLE referral_events ADD COLUMN is_told BOOLEAN NOT NULL DEFAULT TRUE;
