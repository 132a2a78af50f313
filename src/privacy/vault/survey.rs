//! Which master key wraps what, found out without making or changing a key.

use super::{DEVELOPMENT, Master, Opened, Vault, store};
use crate::config::MasterKeys;
use crate::error::{Error, Result};
use crate::store::{Store, Tenancy};

/// How the wrapped keys of a database stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct KeySurvey {
    /// Keys in all: the deployment's and one for each student.
    pub total: u64,
    /// Wrapped by the current master key.
    pub current: u64,
    /// Wrapped by another that is known.
    pub previous: u64,
    /// Wrapped by one that is not known.
    pub unknown: u64,
    /// Wrapped by one that is known, and yet not opened by it.
    pub damaged: u64,
}

/// Keys that are looked at in one transaction.
const CHUNK: i64 = 1_000;

impl Vault {
    /// Looks at every wrapped key, and gives the vault if its own keys are all there and open; `progress` is told
    /// how many were seen, of how many.
    ///
    /// # Errors
    /// If the database fails.
    pub fn survey(
        store: &Store,
        masters: &MasterKeys,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<(KeySurvey, Option<Self>)> {
        let known = masters.all().map(|master| Master::new(*master.bytes()));
        let mut known: Vec<Master> = match masters.current {
            Some(_) => known.collect(),
            None => store.known_secret(DEVELOPMENT)?.map(Master::new).into_iter().chain(known).collect(),
        };
        let mut survey = KeySurvey::default();
        if known.is_empty() {
            // Whatever is there, nothing opens it.
            survey.total = store.read_for_now(&Tenancy::Keeper, |connection| {
                Ok(store::count_student_keys(connection)? + store::deployment_keys(connection)?.len() as u64)
            })?;
            survey.unknown = survey.total;
            return Ok((survey, None));
        }
        let opened = Opened::by(known.remove(0), known);
        let (names, students) = store.read_for_now(&Tenancy::Keeper, |connection| {
            Ok((store::deployment_keys(connection)?, store::count_student_keys(connection)?))
        })?;
        let total = students + names.len() as u64;
        for (name, wrapped) in &names {
            survey.look(&opened, wrapped, name);
        }
        let mut after = None;
        loop {
            let keys = store.read_for_now(&Tenancy::Keeper, |connection| {
                store::student_keys_after(connection, after, CHUNK)
            })?;
            for (student, wrapped) in &keys {
                survey.look(&opened, wrapped, &student.to_string());
            }
            progress(survey.total, total);
            match keys.last() {
                None => break,
                Some((last, _)) => after = Some(*last),
            }
        }
        Ok((survey, opened.filled(&names)))
    }
}

impl KeySurvey {
    fn look(&mut self, opened: &Opened, wrapped: &super::Wrapped, whose: &str) {
        self.total += 1;
        let by = match opened.unwrap(wrapped, whose) {
            Ok(_) if wrapped.master == opened.current.id => &mut self.current,
            Ok(_) => &mut self.previous,
            Err(Error::Setup(_)) => &mut self.unknown,
            Err(_) => &mut self.damaged,
        };
        *by += 1;
    }
}
