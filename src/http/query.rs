//! Query strings. Every value is read with its name at hand and every fault is collected, so that one
//! answer names them all. A misspelt or blank parameter is a fault: it must never silently widen a search.

use std::fmt::Display;
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::problem::Problem;
use crate::error::{At, FieldError};
use crate::types::near_spellings;

/// The most characters of a query string.
const LONGEST: usize = 8_192;

/// The most values of one list.
pub(crate) use crate::finder::need::MOST_VALUES;

/// The parameters of a request that have not been read yet, and what was wrong with those that have.
#[derive(Debug, Default)]
pub(super) struct Params {
    given: Vec<(String, String)>,
    known: Vec<&'static str>,
    faults: Vec<FieldError>,
}

impl Params {
    /// Takes a query string apart.
    ///
    /// # Errors
    /// If it is too long or, percent-decoded, not UTF-8.
    pub(super) fn parse(query: &str) -> Result<Self, Problem> {
        if query.len() > LONGEST {
            let message = format!("the query has {} characters; at most {LONGEST} are read", query.len());
            return Err(FieldError::query("", message).into());
        }
        let mut given = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (decode(name), decode(value)) {
                (Some(name), Some(value)) => given.push((name, value)),
                (read, _) => {
                    let name = read.unwrap_or_else(|| name.to_owned());
                    return Err(FieldError::query(name, "is not UTF-8 after percent-decoding").into());
                }
            }
        }
        Ok(Self { given, known: Vec::new(), faults: Vec::new() })
    }

    /// Notes a fault.
    pub(super) fn fault(&mut self, name: &str, message: impl Display) {
        self.faults.push(FieldError::query(name, message));
    }

    /// Notes a fault that has its place already.
    pub(super) fn add(&mut self, fault: FieldError) {
        self.faults.push(fault);
    }

    /// Whether no fault was met so far.
    pub(super) fn is_faultless(&self) -> bool {
        self.faults.is_empty()
    }

    fn take(&mut self, name: &'static str) -> Vec<String> {
        self.known.push(name);
        let (taken, rest) = std::mem::take(&mut self.given).into_iter().partition(|(given, _)| given == name);
        self.given = rest;
        let taken: Vec<(String, String)> = taken;
        taken.into_iter().map(|(_, value)| value).collect()
    }

    /// A parameter that may be given once.
    pub(super) fn one<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> Option<T> {
        let values = self.take(name);
        match values.as_slice() {
            [] => None,
            [value] => self.value(name, value),
            _ => {
                self.fault(name, "is given more than once");
                None
            }
        }
    }

    /// A parameter with a list of values: repeated, comma-separated, or both.
    pub(super) fn list<T: FromStr<Err: Display> + PartialEq>(&mut self, name: &'static str) -> Vec<T> {
        let mut list: Vec<T> = Vec::new();
        let values = self.take(name);
        if values.iter().flat_map(|value| value.split(',')).count() > MOST_VALUES {
            self.fault(name, format_args!("has more than {MOST_VALUES} values"));
            return list;
        }
        for value in values {
            for part in value.split(',') {
                if let Some(part) = self.value(name, part).filter(|part| !list.contains(part)) {
                    list.push(part);
                }
            }
        }
        list
    }

    /// `true` or `false`; false where it is not given.
    pub(super) fn flag(&mut self, name: &'static str) -> bool {
        self.optional_flag(name).unwrap_or(false)
    }

    /// `true` or `false`, where it is given.
    pub(super) fn optional_flag(&mut self, name: &'static str) -> Option<bool> {
        match self.one::<String>(name)?.as_str() {
            "false" => Some(false),
            "true" => Some(true),
            other => {
                self.fault(name, format_args!("{other:?} is neither true nor false"));
                None
            }
        }
    }

    fn value<T: FromStr<Err: Display>>(&mut self, name: &'static str, text: &str) -> Option<T> {
        let text = text.trim();
        if text.contains('\0') {
            self.fault(name, "must not hold the character U+0000");
            return None;
        }
        if text.is_empty() {
            self.fault(name, "is empty; leave it out where it does not matter");
            return None;
        }
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(name, error);
                None
            }
        }
    }

    /// Everything has been read: what is left over is unknown.
    ///
    /// # Errors
    /// Every fault that was met.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        for (name, _) in std::mem::take(&mut self.given) {
            let near = near_spellings(&name, self.known.iter().map(|known| (*known, *known)));
            let advice = match near.first() {
                Some(near) => format!("is no parameter of this operation; did you mean {near}?"),
                None => format!("is no parameter of this operation; it has {}", self.known.join(", ")),
            };
            self.fault(&name, advice);
        }
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::invalid(self.faults)) }
    }
}

/// Percent-decodes a name or value; none if it is not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// What an operation takes in its query string.
pub(super) trait FromParams: Sized {
    /// Reads the parameters, noting faults.
    fn from_params(params: &mut Params) -> Self;
}

/// Extracts an operation's parameters; faults are problems.
pub(super) struct Query<T>(pub T);

impl<T: FromParams> FromRequest for Query<T> {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Params::parse(request.query_string()).and_then(|mut params| {
            let read = T::from_params(&mut params);
            params.finish().map(|()| Self(read))
        }))
    }
}

/// [`Query`] for what is about students: whatever is wrong is said without repeating it, since it may be a name that
/// lost its way.
pub(super) struct UnquotedQuery<T>(pub T);

impl<T: FromParams> FromRequest for UnquotedQuery<T> {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let read = Query::<T>::from_request(request, payload).into_inner();
        let known = || {
            let mut params = Params::default();
            T::from_params(&mut params);
            params.known
        };
        std::future::ready(read.map(|Query(read)| Self(read)).map_err(|problem| unquoted(problem, &known())))
    }
}

/// A problem with the parameters that says no more of each than its name, and nothing of a name that is none.
fn unquoted(problem: Problem, known: &[&str]) -> Problem {
    let faults = problem.errors.into_iter().map(|fault| match fault.at {
        At::Query(name) if known.contains(&name.as_str()) => {
            FieldError::query(name, "cannot be accepted as it is; the contract says what is")
        }
        // About the query as a whole.
        At::Query(name) if name.is_empty() => FieldError::query(name, fault.message),
        _ if known.is_empty() => FieldError::query("", "this operation takes no parameter"),
        _ => {
            let message = format!(
                "there is a parameter that this operation does not have; it has {}",
                known.join(", ")
            );
            FieldError::query("", message)
        }
    });
    Problem::invalid(faults.collect())
}

/// For operations without parameters.
pub(super) struct NoParams;

impl FromParams for NoParams {
    fn from_params(_: &mut Params) -> Self {
        Self
    }
}

/// A finite number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number(pub f64);

impl FromStr for Number {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Self(number)),
            Ok(_) | Err(_) => Err(format!("{text:?} is not a number")),
        }
    }
}

/// How many items: 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit(pub usize);

impl Default for Limit {
    fn default() -> Self {
        Self(25)
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(limit @ 1..=100) => Ok(Self(limit)),
            Ok(_) | Err(_) => Err(format!("{text:?} is not a whole number from 1 to 100")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Tier;

    fn faults(query: &str) -> Vec<String> {
        let mut params = match Params::parse(query) {
            Ok(params) => params,
            Err(problem) => return problem.errors.iter().map(ToString::to_string).collect(),
        };
        let _: Option<Number> = params.one("radius_km");
        let _: Vec<Tier> = params.list("tier");
        let _ = params.flag("explain");
        match params.finish() {
            Ok(()) => Vec::new(),
            Err(problem) => problem.errors.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn every_fault_of_a_query_is_named() {
        assert_eq!(faults("radius_km=5&tier=1,2&tier=3&explain=true"), [""; 0]);
        assert_eq!(faults("radius_km="), ["radius_km: is empty; leave it out where it does not matter"]);
        assert_eq!(faults("tier=1,,2"), ["tier: is empty; leave it out where it does not matter"]);
        assert_eq!(faults("radius_km=1&radius_km=2"), ["radius_km: is given more than once"]);
        assert_eq!(faults("radius_km=NaN&explain=yes").len(), 2);
        assert_eq!(
            faults("radius=5"),
            ["radius: is no parameter of this operation; did you mean radius_km?"]
        );
        assert_eq!(faults("tier=%ff"), ["tier: is not UTF-8 after percent-decoding"]);
        assert_eq!(faults("tier=4").len(), 1);
    }

    #[test]
    fn repeated_and_comma_separated_values_make_one_list() {
        let mut params = Params::parse("tier=1,2&tier=2&tier=3").unwrap();
        assert_eq!(params.list::<Tier>("tier"), [Tier::ONE, Tier::TWO, Tier::THREE]);
    }
}
