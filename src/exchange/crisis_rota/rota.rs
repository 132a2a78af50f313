//! The rota of a district: whom it calls when somebody says that there is imminent risk, in which order, and how long an
//! acknowledgement is waited for. Where there is none, its leads are called, all at once.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::store;
use crate::access::invitations::{self, Membership};
use crate::access::{Principal, Role, Scope};
use crate::directory::{DistrictFacts, admit, find as find_record};
use crate::error::{FieldError, Result};
use crate::exchange::people_notices::alert_address;
use crate::exchange::reminders::rules::{is_address, no_address};
use crate::store::{DbConnection, Tenancy, Tenant, Tx};
use crate::types::{DistrictId, MembershipId, ReaderLanguage};

/// Steps of a rota.
pub const MOST_STEPS: usize = 10;
/// Minutes for which an acknowledgement is waited for, at least and at most.
pub const MINUTES: (u16, u16) = (1, 120);
/// The same, where nobody has said.
pub const DEFAULT_MINUTES: u16 = 10;
const LONGEST_NAME: usize = 200;

/// The rota of a district.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rota {
    /// Whose.
    pub district: DistrictId,
    /// Grows by one with every change; 0 if there was never one.
    pub version: i64,
    /// The steps, in order; none: its leads are called.
    pub steps: Vec<Step>,
    /// When it last changed.
    pub changed_at: Option<Timestamp>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Who is called.
    pub whom: Whom,
    /// So many minutes an acknowledgement is waited for.
    pub minutes: u16,
}

/// Who is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// A person of the district, at the address that they set for their messages.
    Person(MembershipId),
    /// Whoever reads what comes to an address.
    Address {
        /// How it is called.
        name: String,
        /// The address.
        email: String,
        /// The language of messages to it.
        language: ReaderLanguage,
    },
}

/// A step as somebody asks for it.
#[derive(Clone, Debug, Default)]
pub struct StepAsk {
    /// A person; else an address with a name.
    pub membership: Option<MembershipId>,
    /// The name of the address.
    pub name: Option<String>,
    /// The address.
    pub email: Option<String>,
    /// The language of messages to the address; none: English.
    pub language: Option<ReaderLanguage>,
    /// How long an acknowledgement is waited for; none: [`DEFAULT_MINUTES`].
    pub minutes: Option<u16>,
}

/// A step, and what would come of it.
#[derive(Clone, Debug)]
pub struct StepShown {
    /// The step.
    pub step: Step,
    /// How whoever is called is called.
    pub name: String,
    /// Whether there is an address at which they can be told.
    pub can_be_told: bool,
}

/// Somebody who can be told.
pub(super) struct Called {
    pub(super) name: String,
    pub(super) membership: Option<MembershipId>,
    pub(super) email: String,
    pub(super) language: ReaderLanguage,
}

/// A step with those of it who can be told.
pub(super) struct Stage {
    pub(super) called: Vec<Called>,
    pub(super) patience: SignedDuration,
}

fn enter(tx: &mut Tx<'_>, principal: &Principal, district: DistrictId) -> Result<()> {
    let record = find_record::<DistrictFacts>(tx.connection, district)?;
    admit(tx.connection, principal, &record)?;
    tx.on_behalf(&Tenancy::District(Tenant { district, schools: Vec::new() }))
}

/// The rota of a district.
///
/// # Errors
/// [`crate::error::Error::NotFound`] if there is no such district, or it is not theirs;
/// [`crate::error::Error::Forbidden`].
pub fn find(tx: &mut Tx<'_>, principal: &Principal, district: DistrictId) -> Result<(Rota, Vec<StepShown>)> {
    enter(tx, principal, district)?;
    let rota = store::find(tx.connection, district)?;
    shown(tx.connection, rota)
}

/// Sets the rota of a district. `check` is given the version that there is.
///
/// # Errors
/// As [`find`]; [`crate::error::Error::Invalid`]; what `check` fails with.
pub fn set(
    tx: &mut Tx<'_>,
    principal: &Principal,
    district: DistrictId,
    asked: &[StepAsk],
    check: &dyn Fn(i64) -> Result<()>,
) -> Result<(Rota, Vec<StepShown>)> {
    enter(tx, principal, district)?;
    let steps = read(tx.connection, district, asked)?;
    let known = store::find(tx.connection, district)?;
    check(known.version)?;
    let next = Rota { district, version: known.version + 1, steps, changed_at: Some(tx.now) };
    store::put(tx, &next, &principal.name)?;
    shown(tx.connection, next)
}

/// The steps that are asked for.
///
/// # Errors
/// What is wrong with them.
fn read(connection: &mut DbConnection, district: DistrictId, asked: &[StepAsk]) -> Result<Vec<Step>> {
    let mut faults = Vec::new();
    if asked.len() > MOST_STEPS {
        faults.push(FieldError::body("/steps", format_args!("has more than {MOST_STEPS} steps")));
    }
    let mut steps = Vec::new();
    for (position, asked) in asked.iter().enumerate() {
        let mut fault = |field: &str, message: String| {
            faults.push(FieldError::body(format!("/steps/{position}{field}"), message));
        };
        let minutes = asked.minutes.unwrap_or(DEFAULT_MINUTES);
        let (least, most) = MINUTES;
        if !(least..=most).contains(&minutes) {
            fault("/minutes", format!("{minutes} is not a whole number from {least} to {most}"));
        }
        let whom = match asked {
            StepAsk { membership: Some(membership), name: None, email: None, language: None, .. } => {
                if let Some(message) = unfit(connection, district, *membership)? {
                    fault("/membership_id", message);
                }
                Whom::Person(*membership)
            }
            StepAsk { membership: None, name: Some(name), email: Some(email), language, .. } => {
                let (name, email) = (name.trim(), email.trim());
                let is_line = !name.chars().any(char::is_control);
                if !(1..=LONGEST_NAME).contains(&name.chars().count()) || !is_line {
                    fault("/name", format!("must have 1 to {LONGEST_NAME} characters in one line"));
                }
                if !is_address(email) {
                    fault("/email", no_address(email));
                }
                Whom::Address {
                    name: name.to_owned(),
                    email: email.to_owned(),
                    language: language.unwrap_or(ReaderLanguage::English),
                }
            }
            _ => {
                let message =
                    "names whom to call by membership_id alone, or by name and email, perhaps with language";
                fault("", message.to_owned());
                continue;
            }
        };
        steps.push(Step { whom, minutes });
    }
    if faults.is_empty() { Ok(steps) } else { Err(faults.into()) }
}

/// Why a person cannot be called: every report must be one that they can open and take on.
fn unfit(
    connection: &mut DbConnection,
    district: DistrictId,
    membership: MembershipId,
) -> Result<Option<String>> {
    let Some(member) = member(connection, district, membership)? else {
        return Ok(Some(format!("there is no member {membership} of this district")));
    };
    let role = member.granted.role;
    Ok(if !role.scopes().contains(&Scope::ReferralsWrite) {
        Some(format!("{role} cannot acknowledge a report; name a lead or a coordinator"))
    } else if !member.granted.tie.schools().is_empty() {
        let message = "works for some schools only and could not open every report; name somebody of the whole district";
        Some(message.to_owned())
    } else {
        None
    })
}

/// A membership of a district that has not ended.
fn member(
    connection: &mut DbConnection,
    district: DistrictId,
    membership: MembershipId,
) -> Result<Option<Membership>> {
    let found = invitations::find(connection, membership)?;
    Ok(found.filter(|member| member.ended_at.is_none() && member.granted.tie.district() == Some(district)))
}

fn shown(connection: &mut DbConnection, rota: Rota) -> Result<(Rota, Vec<StepShown>)> {
    let mut steps = Vec::with_capacity(rota.steps.len());
    for step in &rota.steps {
        let can_be_told = called(connection, rota.district, &step.whom)?.is_some();
        let name = match &step.whom {
            Whom::Address { name, .. } => name.clone(),
            Whom::Person(membership) => {
                invitations::find(connection, *membership)?.map_or_else(String::new, |member| member.name)
            }
        };
        steps.push(StepShown { step: step.clone(), name, can_be_told });
    }
    Ok((rota, steps))
}

/// Whoever a step calls, if they can be told.
fn called(connection: &mut DbConnection, district: DistrictId, whom: &Whom) -> Result<Option<Called>> {
    match whom {
        Whom::Address { name, email, language } => Ok(Some(Called {
            name: name.clone(),
            membership: None,
            email: email.clone(),
            language: *language,
        })),
        Whom::Person(membership) => match member(connection, district, *membership)? {
            Some(member) => person(connection, &member),
            None => Ok(None),
        },
    }
}

fn person(connection: &mut DbConnection, member: &Membership) -> Result<Option<Called>> {
    let address = alert_address(connection, member.id)?;
    Ok(address.map(|(email, language)| Called {
        name: member.name.clone(),
        membership: Some(member.id),
        email,
        language,
    }))
}

/// The steps of a district as they stand now; without a rota, one with its leads.
pub(super) fn stages(connection: &mut DbConnection, district: DistrictId) -> Result<Vec<Stage>> {
    let patience = |minutes: u16| SignedDuration::from_mins(minutes.into());
    let rota = store::find(connection, district)?;
    let mut stages = Vec::with_capacity(rota.steps.len());
    for step in &rota.steps {
        let called = called(connection, district, &step.whom)?.into_iter().collect();
        stages.push(Stage { called, patience: patience(step.minutes) });
    }
    if stages.is_empty() {
        let mut leads = Vec::new();
        for member in invitations::of_district(connection, district)? {
            if member.granted.role == Role::DistrictLead {
                leads.extend(person(connection, &member)?);
            }
        }
        stages.push(Stage { called: leads, patience: patience(DEFAULT_MINUTES) });
    }
    Ok(stages)
}
