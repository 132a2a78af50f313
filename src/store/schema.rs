//! The tables in SQL types that both databases have. `tests/it/parity.rs` holds it to both.

diesel::table! {
    organizations (id) {
        id -> Text,
        version -> BigInt,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        retired_at -> Nullable<Timestamp>,
        name -> Text,
        facts -> Text,
    }
}

diesel::table! {
    locations (id) {
        id -> Text,
        version -> BigInt,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        retired_at -> Nullable<Timestamp>,
        organization_id -> Nullable<Text>,
        postal_code -> Nullable<Text>,
        facts -> Text,
    }
}

diesel::table! {
    services (id) {
        id -> Text,
        version -> BigInt,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        retired_at -> Nullable<Timestamp>,
        organization_id -> Text,
        facts -> Text,
    }
}

diesel::table! {
    capacity_pools (id) {
        id -> Text,
        version -> BigInt,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        retired_at -> Nullable<Timestamp>,
        organization_id -> Text,
        current_claim_id -> Nullable<Text>,
        facts -> Text,
        current_valid_until -> Nullable<Timestamp>,
    }
}

diesel::table! {
    insurance_plans (id) {
        id -> Text,
        version -> BigInt,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        retired_at -> Nullable<Timestamp>,
        facts -> Text,
    }
}

diesel::table! {
    districts (id) {
        id -> Text,
        version -> BigInt,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        retired_at -> Nullable<Timestamp>,
        code -> Text,
        facts -> Text,
        kind -> Nullable<Text>,
    }
}

diesel::table! {
    schools (id) {
        id -> Text,
        version -> BigInt,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        retired_at -> Nullable<Timestamp>,
        district_id -> Nullable<Text>,
        code -> Text,
        postal_code -> Nullable<Text>,
        facts -> Text,
    }
}

diesel::table! {
    offerings (id) {
        id -> Text,
        version -> BigInt,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        retired_at -> Nullable<Timestamp>,
        service_id -> Text,
        location_id -> Nullable<Text>,
        capacity_pool_id -> Text,
        facts -> Text,
    }
}

diesel::table! {
    partnerships (id) {
        id -> Text,
        version -> BigInt,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        retired_at -> Nullable<Timestamp>,
        organization_id -> Text,
        district_id -> Nullable<Text>,
        facts -> Text,
    }
}

diesel::table! {
    assertions (id) {
        id -> Text,
        noun -> Text,
        subject_id -> Text,
        method -> Text,
        source -> Text,
        asserted_by -> Text,
        asserted_at -> Timestamp,
        facts -> Text,
    }
}

diesel::table! {
    organization_merges (id) {
        id -> Text,
        organization_id -> Text,
        into_id -> Text,
        merged_at -> Timestamp,
        merged_by -> Text,
        undone_at -> Nullable<Timestamp>,
        undone_by -> Nullable<Text>,
    }
}

diesel::table! {
    duplicate_dismissals (organization_id, other_id) {
        organization_id -> Text,
        other_id -> Text,
        dismissed_at -> Timestamp,
        dismissed_by -> Text,
    }
}

diesel::table! {
    claims (id) {
        id -> Text,
        capacity_pool_id -> Text,
        status -> Text,
        open_slots -> Nullable<Integer>,
        waiting -> Nullable<Integer>,
        starts_last_28_days -> Nullable<Integer>,
        next_available_date -> Nullable<Date>,
        notes -> Nullable<Text>,
        reported_at -> Timestamp,
        reported_by -> Text,
        method -> Text,
        valid_until -> Timestamp,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    slot_holds (id) {
        id -> Text,
        capacity_pool_id -> Text,
        claim_id -> Text,
        placed_at -> Timestamp,
        released_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    near_misses (month, need_key) {
        month -> Text,
        need_key -> Text,
        state -> Nullable<Text>,
        county -> Nullable<Text>,
        languages -> Text,
        coverages -> Text,
        is_matched -> Bool,
        blocked_by -> Text,
    }
}

diesel::table! {
    postal_codes (postal_code) {
        postal_code -> Text,
        latitude -> Double,
        longitude -> Double,
        state -> Nullable<Text>,
        county -> Nullable<Text>,
    }
}

diesel::table! {
    towns (state, comparable_name) {
        state -> Text,
        comparable_name -> Text,
        name -> Text,
        county -> Nullable<Text>,
        latitude -> Double,
        longitude -> Double,
        west -> Double,
        south -> Double,
        east -> Double,
        north -> Double,
        geometry -> Text,
    }
}

diesel::table! {
    changes (seq) {
        seq -> BigInt,
        noun -> Text,
        subject_id -> Text,
        version -> BigInt,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    change_purges (id) {
        id -> Integer,
        purged_through -> BigInt,
    }
}

diesel::table! {
    contact_attempts (id) {
        id -> Text,
        capacity_pool_id -> Text,
        offering_id -> Nullable<Text>,
        outcome -> Text,
        phone -> Nullable<Text>,
        language -> Nullable<Text>,
        notes -> Nullable<Text>,
        attempted_at -> Timestamp,
        recorded_at -> Timestamp,
        attempted_by -> Text,
        district_id -> Nullable<Text>,
        claim_id -> Nullable<Text>,
    }
}

diesel::table! {
    observations (id) {
        id -> Text,
        capacity_pool_id -> Text,
        kind -> Text,
        held -> Nullable<Bool>,
        elapsed -> Nullable<Double>,
        observed_at -> Timestamp,
        recorded_at -> Timestamp,
        reported_by -> Text,
    }
}

diesel::table! {
    idempotency_keys (client, key) {
        client -> Text,
        key -> Text,
        fingerprint -> Text,
        status -> Integer,
        headers -> Text,
        body -> Text,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    secrets (name) {
        name -> Text,
        value -> Binary,
    }
}

diesel::table! {
    signing_keys (kid) {
        kid -> Text,
        public_key -> Binary,
        private_key -> Binary,
        is_sealed -> Bool,
        created_at -> Timestamp,
        retired_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    clients (id) {
        id -> Text,
        version -> BigInt,
        name -> Text,
        role -> Text,
        district_id -> Nullable<Text>,
        organization_id -> Nullable<Text>,
        created_by -> Text,
        created_at -> Timestamp,
        disabled_at -> Nullable<Timestamp>,
        schools -> Text,
    }
}

diesel::table! {
    client_secrets (id) {
        id -> Text,
        client_id -> Text,
        hash -> Text,
        created_at -> Timestamp,
        expires_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    memberships (id) {
        id -> Text,
        version -> BigInt,
        issuer -> Text,
        subject -> Text,
        name -> Text,
        role -> Text,
        district_id -> Nullable<Text>,
        organization_id -> Nullable<Text>,
        schools -> Text,
        created_by -> Text,
        created_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    invitations (id) {
        id -> Text,
        code_hash -> Text,
        name -> Text,
        role -> Text,
        district_id -> Nullable<Text>,
        organization_id -> Nullable<Text>,
        schools -> Text,
        created_by -> Text,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        redeemed_at -> Nullable<Timestamp>,
        membership_id -> Nullable<Text>,
    }
}

diesel::table! {
    access_events (id) {
        id -> Text,
        subject_id -> Text,
        event -> Text,
        done_by -> Text,
        done_at -> Timestamp,
    }
}

diesel::table! {
    hsds_documents (kind, id) {
        kind -> Text,
        id -> Text,
        source -> Text,
        whole -> Integer,
        document -> Text,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    deployment_keys (name) {
        name -> Text,
        master_key_id -> Text,
        wrapped -> Binary,
    }
}

diesel::table! {
    students (id) {
        id -> Text,
        district_id -> Text,
        school_id -> Nullable<Text>,
        version -> BigInt,
        sealed -> Binary,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        left_at -> Nullable<Timestamp>,
        erased_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    student_keys (student_id) {
        student_id -> Text,
        district_id -> Text,
        master_key_id -> Text,
        wrapped -> Binary,
    }
}

diesel::table! {
    student_identifiers (district_id, kind, blind) {
        district_id -> Text,
        kind -> Text,
        blind -> Binary,
        student_id -> Text,
    }
}

diesel::table! {
    guardians (id) {
        id -> Text,
        student_id -> Text,
        district_id -> Text,
        version -> BigInt,
        sealed -> Binary,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    consents (id) {
        id -> Text,
        student_id -> Text,
        district_id -> Text,
        version -> BigInt,
        sealed -> Binary,
        expires_on -> Date,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        revoked_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    disclosures (id) {
        id -> Text,
        student_id -> Text,
        district_id -> Text,
        recipient_organization_id -> Nullable<Text>,
        released_at -> Timestamp,
        document -> Text,
        sealed -> Nullable<Binary>,
    }
}

diesel::table! {
    audit_events (seq) {
        seq -> BigInt,
        at -> Timestamp,
        district_id -> Nullable<Text>,
        principal_id -> Text,
        principal_name -> Text,
        role -> Text,
        action -> Text,
        purpose -> Text,
        resource -> Text,
        resource_id -> Nullable<Text>,
        student_id -> Nullable<Text>,
        outcome -> Text,
        request_id -> Nullable<Text>,
        digest -> Nullable<Binary>,
    }
}

diesel::table! {
    audit_batches (number) {
        number -> BigInt,
        events -> BigInt,
        digest -> Binary,
        sealed_at -> Timestamp,
    }
}

diesel::table! {
    audit_batch_events (seq) {
        seq -> BigInt,
        batch -> BigInt,
    }
}

diesel::table! {
    audit_unsealed (seq) {
        seq -> BigInt,
    }
}

diesel::table! {
    crisis_events (id) {
        id -> Text,
        district_id -> Text,
        school_id -> Nullable<Text>,
        student_id -> Nullable<Text>,
        state -> Nullable<Text>,
        version -> BigInt,
        suspected_abuse -> Bool,
        reported_by -> Text,
        reported_name -> Text,
        reported_at -> Timestamp,
        sealed_note -> Nullable<Binary>,
        acknowledged_by -> Nullable<Text>,
        acknowledged_name -> Nullable<Text>,
        acknowledged_at -> Nullable<Timestamp>,
        cleared_by -> Nullable<Text>,
        cleared_name -> Nullable<Text>,
        cleared_at -> Nullable<Timestamp>,
        sealed_clearance -> Nullable<Binary>,
        due_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    erasures (id) {
        id -> Text,
        student_id -> Text,
        district_id -> Text,
        reason -> Text,
        done_by -> Text,
        done_at -> Timestamp,
    }
}

diesel::table! {
    legal_holds (id) {
        id -> Text,
        student_id -> Text,
        district_id -> Text,
        sealed -> Binary,
        placed_by -> Text,
        placed_at -> Timestamp,
        lifted_by -> Nullable<Text>,
        lifted_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    update_links (id) {
        id -> Text,
        capacity_pool_id -> Text,
        language -> Text,
        created_by -> Text,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
        revoked_by -> Nullable<Text>,
        revoked_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    update_link_uses (link_id, form) {
        link_id -> Text,
        form -> Text,
        answer -> Text,
        claim_id -> Text,
        used_at -> Timestamp,
    }
}

diesel::table! {
    outbox (id) {
        id -> Text,
        kind -> Text,
        subject_id -> Text,
        recipient -> Text,
        language -> Text,
        dedup_key -> Text,
        status -> Text,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        attempts -> Integer,
        next_attempt_at -> Timestamp,
        leased_by -> Nullable<Text>,
        leased_until -> Nullable<Timestamp>,
        finished_at -> Nullable<Timestamp>,
        outcome -> Nullable<Text>,
    }
}

diesel::table! {
    availability_reminders (organization_id) {
        organization_id -> Text,
        version -> BigInt,
        email -> Text,
        language -> Text,
        before_seconds -> BigInt,
        at_most_every_seconds -> BigInt,
        changed_by -> Text,
        changed_at -> Timestamp,
        stopped_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    reminded_claims (claim_id) {
        claim_id -> Text,
        message_id -> Text,
        reminded_at -> Timestamp,
    }
}

diesel::table! {
    referrals (id) {
        id -> Text,
        district_id -> Text,
        school_id -> Nullable<Text>,
        student_id -> Text,
        version -> BigInt,
        status -> Text,
        business_status -> Nullable<Text>,
        urgency -> Text,
        owner_id -> Text,
        due_at -> Nullable<Timestamp>,
        document -> Text,
        sealed -> Binary,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        cover_id -> Nullable<Text>,
        cover_until -> Nullable<Date>,
        look_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    offers (id) {
        id -> Text,
        referral_id -> Text,
        district_id -> Text,
        organization_id -> Text,
        offering_id -> Text,
        capacity_pool_id -> Text,
        version -> BigInt,
        state -> Text,
        stage -> Nullable<Text>,
        due_at -> Nullable<Timestamp>,
        document -> Text,
        sealed -> Binary,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        report -> Nullable<Binary>,
    }
}

diesel::table! {
    wait_list_entries (id) {
        id -> Text,
        referral_id -> Text,
        district_id -> Text,
        offering_id -> Text,
        capacity_pool_id -> Text,
        version -> BigInt,
        state -> Text,
        priority -> Integer,
        joined_at -> Timestamp,
        updated_at -> Timestamp,
        asked_at -> Nullable<Timestamp>,
        due_at -> Nullable<Timestamp>,
        skipped_until -> Nullable<Timestamp>,
        answered_claim_id -> Nullable<Text>,
        passed_until -> Nullable<Timestamp>,
    }
}

diesel::table! {
    referral_events (subject_id, version) {
        subject_id -> Text,
        version -> BigInt,
        subject -> Text,
        referral_id -> Text,
        district_id -> Text,
        event -> Text,
        state -> Text,
        actor -> Text,
        principal_id -> Text,
        principal_name -> Text,
        reason -> Nullable<Text>,
        sealed -> Nullable<Binary>,
        at -> Timestamp,
        is_told -> Bool,
    }
}

diesel::table! {
    referral_notices (organization_id) {
        organization_id -> Text,
        version -> BigInt,
        email -> Nullable<Text>,
        language -> Nullable<Text>,
        changed_by -> Text,
        changed_at -> Timestamp,
        stopped_at -> Nullable<Timestamp>,
        bounced_email -> Nullable<Text>,
        bounced_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    offer_notices (offer_id) {
        offer_id -> Text,
        organization_id -> Text,
        message_id -> Text,
        noticed_at -> Timestamp,
    }
}

diesel::table! {
    worklist_places (referral_id, worklist) {
        referral_id -> Text,
        worklist -> Text,
        district_id -> Text,
        school_id -> Nullable<Text>,
        owner_id -> Text,
        due_at -> Timestamp,
    }
}

diesel::table! {
    people_notices (membership_id) {
        membership_id -> Text,
        version -> BigInt,
        email -> Nullable<Text>,
        language -> Nullable<Text>,
        changed_by -> Text,
        changed_at -> Timestamp,
        stopped_at -> Nullable<Timestamp>,
        bounced_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    worklist_notices (membership_id, referral_id, worklist) {
        membership_id -> Text,
        referral_id -> Text,
        worklist -> Text,
        district_id -> Text,
        due_at -> Timestamp,
        message_id -> Text,
    }
}

diesel::table! {
    crisis_rotas (district_id) {
        district_id -> Text,
        version -> BigInt,
        document -> Text,
        changed_by -> Text,
        changed_at -> Timestamp,
    }
}

diesel::table! {
    crisis_escalations (id) {
        id -> Text,
        event_id -> Text,
        number -> Integer,
        district_id -> Text,
        round -> Integer,
        step -> Integer,
        membership_id -> Nullable<Text>,
        name -> Nullable<Text>,
        message_id -> Nullable<Text>,
        told_at -> Timestamp,
    }
}

diesel::allow_tables_to_appear_in_same_query!(organizations, organization_merges);
diesel::allow_tables_to_appear_in_same_query!(offer_notices, outbox);
diesel::allow_tables_to_appear_in_same_query!(worklist_notices, outbox);
diesel::allow_tables_to_appear_in_same_query!(crisis_escalations, outbox);

diesel::allow_tables_to_appear_in_same_query!(
    offerings,
    services,
    organizations,
    locations,
    capacity_pools,
    claims,
);

diesel::allow_tables_to_appear_in_same_query!(audit_events, audit_batch_events, audit_unsealed, disclosures);
diesel::allow_tables_to_appear_in_same_query!(students, student_identifiers, legal_holds);
