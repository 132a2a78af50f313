-- When the clock looks at a referral again: a consent begins or ends, or a place on a list is to be confirmed.
ALTER TABLE referrals ADD COLUMN look_at TIMESTAMP;
CREATE INDEX referrals_to_look_at ON referrals (look_at) WHERE look_at IS NOT NULL;

-- Since when it is asked whether somebody still waits, when that is asked or the place given up, and until when slots go
-- to those behind.
ALTER TABLE wait_list_entries ADD COLUMN asked_at TIMESTAMP;
ALTER TABLE wait_list_entries ADD COLUMN due_at TIMESTAMP;
ALTER TABLE wait_list_entries ADD COLUMN skipped_until TIMESTAMP;
-- The claim to which the agency answered with the list: slots come only of another; and until when a place that could not
-- take one is not tried again.
ALTER TABLE wait_list_entries ADD COLUMN answered_claim_id TEXT COLLATE "C";
ALTER TABLE wait_list_entries ADD COLUMN passed_until TIMESTAMP;

-- The clock sees which referrals are due, in every district.
CREATE POLICY clock ON referrals FOR SELECT USING (causeway_tenancy() = 'clock' AND look_at IS NOT NULL);
