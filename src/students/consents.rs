//! Consents of a student: recorded, signed, taken back. Who must sign is a matter of [`crate::privacy::signers`];
//! a consent holds once the last of them has.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::file::File;
use super::{looked, tenant};
use crate::error::{Error, FieldError, Result};
use crate::privacy::audit::{self, Act, Action, Errand};
use crate::privacy::consents::{self, Kept, Revocation};
use crate::privacy::signers::{self, MinorCare};
use crate::privacy::vault::Vault;
use crate::privacy::{
    Authority, Consent, ConsentRecipient, Direction, Purpose, Signature, Signer, StudentField,
};
use crate::store::Tx;
use crate::types::{ConsentId, StudentId};

/// What somebody allows.
#[derive(Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConsentCreate)]
pub struct ConsentFacts {
    /// Under which laws. One paper may be given under several.
    pub authorities: Vec<Authority>,
    /// The parties outside that it names: who is told, and where the school is told, who tells.
    pub recipients: Vec<ConsentRecipient>,
    /// Which way.
    pub direction: Direction,
    /// What.
    pub fields: Vec<StudentField>,
    /// For what.
    pub purposes: Vec<Purpose>,
    /// Whether the paper says that treatment of substance use is meant too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub covers_part2: bool,
    /// The care that is meant, where somebody answers for it that the condition is met under which the law lets a
    /// minor consent to it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub minor_care: Option<MinorCare>,
    /// Signatures that are there already; others may follow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub signatures: Vec<Signature>,
    /// The last day on which it holds.
    pub expires_on: Date,
}

/// Who must still sign, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SignatureDue {
    /// Under which law.
    pub authority: Authority,
    /// Who.
    pub signer: Signer,
    /// Where the law says so.
    #[schema(example = "34 CFR 99.30, 99.3")]
    pub citation: String,
    /// What it says.
    pub reason: String,
}

/// A consent, and who must still sign it.
#[derive(Clone)]
pub struct Opened {
    /// It, as it is kept.
    pub kept: Kept,
    /// Who must still sign.
    pub due: Vec<SignatureDue>,
}

/// The longest that a consent may hold.
const LONGEST_YEARS: i16 = 5;
const LONGEST_LINE: usize = 500;

/// Records a consent.
///
/// # Errors
/// [`Error::NotFound`] if the student is not one of the caller's; [`Error::Invalid`] if something is missing.
pub fn create(
    tx: &mut Tx<'_>,
    vault: &Vault,
    errand: &Errand,
    (student, id): (StudentId, ConsentId),
    facts: ConsentFacts,
) -> Result<Opened> {
    let tenant = tenant(errand)?;
    let file = File::open(tx, vault, tenant, student)?;
    accept(&facts, tx.now, &file)?;
    let ConsentFacts {
        authorities,
        recipients,
        direction,
        fields,
        purposes,
        covers_part2,
        minor_care,
        signatures,
        expires_on,
    } = facts;
    let mut consent = Consent {
        id,
        student_id: student,
        district_id: tenant.district,
        authorities,
        recipients,
        direction,
        fields,
        purposes,
        covers_part2,
        signatures,
        signed_at: None,
        expires_on,
        revoked_at: None,
    };
    let due = settle(&mut consent, minor_care, &file, tx.now);
    let kept = consents::insert(tx, tenant, &file.key, consent, minor_care)?;
    record(tx, errand, Action::Create, &kept)?;
    Ok(Opened { kept, due })
}

/// Every consent of a student, also those that do not hold any more.
///
/// # Errors
/// [`Error::NotFound`] if the student is not one of the caller's.
pub fn list(tx: &mut Tx<'_>, vault: &Vault, errand: &Errand, student: StudentId) -> Result<Vec<Opened>> {
    let tenant = tenant(errand)?;
    let file = File::open(tx, vault, tenant, student)?;
    let kept = consents::list(tx.connection, tenant, &file.key, student)?;
    let mut acts: Vec<Act<'_>> = kept.iter().map(|kept| act(Action::Read, kept)).collect();
    if acts.is_empty() {
        acts.push(looked("consent", Some(student)));
    }
    audit::record(tx, errand, &acts)?;
    Ok(kept.into_iter().map(|kept| opened(kept, &file, tx.now)).collect())
}

/// Shows one consent.
///
/// # Errors
/// [`Error::NotFound`].
pub fn read(
    tx: &mut Tx<'_>,
    vault: &Vault,
    errand: &Errand,
    (student, id): (StudentId, ConsentId),
) -> Result<Opened> {
    let tenant = tenant(errand)?;
    let file = File::open(tx, vault, tenant, student)?;
    let kept = consents::find(tx.connection, tenant, &file.key, student, id)?;
    record(tx, errand, Action::Read, &kept)?;
    Ok(opened(kept, &file, tx.now))
}

/// Adds a signature. With the last that is needed, the consent holds.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] if the signature is not usable; [`Error::Conflict`] if the consent was
/// revoked or has this signature.
pub fn sign(
    tx: &mut Tx<'_>,
    vault: &Vault,
    errand: &Errand,
    (student, id): (StudentId, ConsentId),
    signature: Signature,
) -> Result<Opened> {
    let tenant = tenant(errand)?;
    let file = File::open(tx, vault, tenant, student)?;
    let mut kept = consents::find(tx.connection, tenant, &file.key, student, id)?;
    let mut faults = Vec::new();
    signature_faults("", &signature, tx.now, &file, &mut faults);
    if !faults.is_empty() {
        return Err(Error::Invalid(faults));
    }
    if kept.consent.revoked_at.is_some() {
        return Err(Error::Conflict("the consent was revoked; a new one is needed".to_owned()));
    }
    if kept.consent.signatures.iter().any(|there| there.by == signature.by) {
        return Err(Error::Conflict("whoever signed has signed this consent already".to_owned()));
    }
    kept.consent.signatures.push(signature);
    let due = settle(&mut kept.consent, kept.minor_care, &file, tx.now);
    consents::update(tx, tenant, &file.key, &mut kept)?;
    record(tx, errand, Action::Change, &kept)?;
    Ok(Opened { kept, due })
}

/// Takes a consent back: it stops every later release. What was released stays on the record.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] if nothing says where it stands written; [`Error::Conflict`] if it was
/// taken back before.
pub fn revoke(
    tx: &mut Tx<'_>,
    vault: &Vault,
    errand: &Errand,
    (student, id): (StudentId, ConsentId),
    revocation: Revocation,
) -> Result<Opened> {
    let tenant = tenant(errand)?;
    let file = File::open(tx, vault, tenant, student)?;
    let mut kept = consents::find(tx.connection, tenant, &file.key, student, id)?;
    if !is_line(&revocation.evidence) {
        return Err(FieldError::body("/evidence", "must say where it stands written, in one line").into());
    }
    if kept.consent.revoked_at.is_some() {
        return Err(Error::Conflict("the consent was revoked already".to_owned()));
    }
    kept.consent.revoked_at = Some(tx.now);
    kept.revocation = Some(revocation);
    consents::update(tx, tenant, &file.key, &mut kept)?;
    record(tx, errand, Action::End, &kept)?;
    Ok(opened(kept, &file, tx.now))
}

/// Notes that the last who must sign has, if so; says who must still.
fn settle(
    consent: &mut Consent,
    minor_care: Option<MinorCare>,
    file: &File,
    now: Timestamp,
) -> Vec<SignatureDue> {
    let due = due(consent, minor_care, file, now);
    if due.is_empty() && consent.signed_at.is_none() {
        consent.signed_at = consent.signatures.iter().map(|signature| signature.signed_at).max();
    }
    due
}

fn due(consent: &Consent, minor_care: Option<MinorCare>, file: &File, now: Timestamp) -> Vec<SignatureDue> {
    let (minority, access) = (file.minority(minor_care), file.access());
    let missing = |authority: &Authority| {
        let authority = *authority;
        let missing = signers::missing(consent, authority, &minority, &access, now, &file.zone);
        missing.into_iter().map(move |missing| SignatureDue {
            authority,
            signer: missing.rule.signer,
            citation: missing.rule.citation.clone(),
            reason: missing.rule.plain.clone(),
        })
    };
    consent.authorities.iter().flat_map(missing).collect()
}

fn opened(kept: Kept, file: &File, now: Timestamp) -> Opened {
    let due = due(&kept.consent, kept.minor_care, file, now);
    Opened { kept, due }
}

fn accept(facts: &ConsentFacts, now: Timestamp, file: &File) -> Result<()> {
    let ConsentFacts {
        authorities,
        recipients,
        direction,
        fields,
        purposes,
        covers_part2,
        minor_care: _,
        signatures,
        expires_on,
    } = facts;
    let mut faults = Vec::new();
    for (at, count) in [
        ("/authorities", authorities.len()),
        ("/recipients", recipients.len()),
        ("/fields", fields.len()),
        ("/purposes", purposes.len()),
    ] {
        if !(1..=50).contains(&count) {
            faults.push(FieldError::body(at, "must have 1 to 50 values"));
        }
    }
    if direction.reaches_school() && !authorities.contains(&Authority::HipaaAuthorization) {
        let message =
            "what an agency tells the school needs hipaa_authorization among authorities (45 CFR 164.508)";
        faults.push(FieldError::body("/direction", message));
    }
    if direction.leaves_school() && !authorities.contains(&Authority::Ferpa) {
        let message = "what leaves the school needs ferpa among authorities (34 CFR 99.30)";
        faults.push(FieldError::body("/direction", message));
    }
    if *covers_part2 != authorities.contains(&Authority::Part2) {
        let message = "covers_part2 and the authority part2 belong together (42 CFR 2.31)";
        faults.push(FieldError::body("/covers_part2", message));
    }
    let today = now.to_zoned(file.zone.clone()).date();
    if *expires_on < today || *expires_on > today.saturating_add(jiff::Span::new().years(LONGEST_YEARS)) {
        let message = format!("must be a day from today on, and within {LONGEST_YEARS} years");
        faults.push(FieldError::body("/expires_on", message));
    }
    if signatures.len() > 10 {
        faults.push(FieldError::body("/signatures", "has more than 10 values"));
    }
    for (position, signature) in signatures.iter().enumerate() {
        let at = format!("/signatures/{position}");
        signature_faults(&at, signature, now, file, &mut faults);
        if signatures[..position].iter().any(|before| before.by == signature.by) {
            faults.push(FieldError::body(format!("{at}/by"), "signs twice"));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}

fn signature_faults(
    at: &str,
    signature: &Signature,
    now: Timestamp,
    file: &File,
    faults: &mut Vec<FieldError>,
) {
    let Signature { by, name, signed_at, method: _, evidence } = signature;
    if let crate::privacy::SignedBy::Guardian(guardian) = by
        && !file.guardians.iter().any(|known| known.id == *guardian)
    {
        faults.push(FieldError::body(format!("{at}/by"), "is no guardian of this student"));
    }
    for (field, text) in [("name", name), ("evidence", evidence)] {
        if !is_line(text) {
            let message = format!("must have 1 to {LONGEST_LINE} characters in one line");
            faults.push(FieldError::body(format!("{at}/{field}"), message));
        }
    }
    if *signed_at > now {
        faults.push(FieldError::body(format!("{at}/signed_at"), "is in the future"));
    }
    if signed_at.to_zoned(file.zone.clone()).date() < file.student.facts.birth_date {
        faults.push(FieldError::body(format!("{at}/signed_at"), "is before the student was born"));
    }
}

fn is_line(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= LONGEST_LINE && !text.chars().any(char::is_control)
}

fn act(action: Action, kept: &Kept) -> Act<'static> {
    Act::done(action, "consent", Some(kept.consent.id.into()), Some(kept.consent.student_id))
}

fn record(tx: &mut Tx<'_>, errand: &Errand, action: Action, kept: &Kept) -> Result<()> {
    audit::record(tx, errand, &[act(action, kept)])
}
