//! `causeway client`, `causeway member`, `causeway keys` and `causeway token`: who may do what, from the command
//! line of one who can write to the database.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use jiff::SignedDuration;

use crate::access::clients::{self, NewSecret};
use crate::access::{Access, Role, Tie, invitations, keys, rules};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::store::{Store, StoreOptions};
use crate::types::{ClientId, Clock, DistrictId, MembershipId, OrganizationId};

/// Who is recorded as having done it.
const BY: &str = "command line";

impl ValueEnum for Role {
    fn value_variants<'a>() -> &'a [Self] {
        Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.as_str()))
    }
}

/// What somebody is tied to.
#[derive(Args)]
pub(super) struct TieArguments {
    /// The district, for roles that are tied to one.
    #[arg(long, value_name = "ID", conflicts_with = "organization")]
    district: Option<DistrictId>,
    /// The organization, for agency_staff.
    #[arg(long, value_name = "ID")]
    organization: Option<OrganizationId>,
}

impl TieArguments {
    fn tie(&self) -> Option<Tie> {
        let district = self.district.map(|district| Tie::District { district, schools: Vec::new() });
        district.or_else(|| self.organization.map(Tie::Organization))
    }
}

/// Systems.
#[derive(Subcommand)]
pub(super) enum ClientCommand {
    /// Makes a client and prints its id and secret. The secret is shown this once.
    Create {
        /// What it is.
        #[arg(long)]
        role: Role,
        /// How it is called; stands beside what it says.
        #[arg(long)]
        name: String,
        #[command(flatten)]
        tie: TieArguments,
    },
    /// Gives a client another secret and prints it, this once.
    Rotate {
        /// The client.
        id: ClientId,
        /// Hours for which the secrets before live on.
        #[arg(long, value_name = "N", default_value_t = 24)]
        overlap_hours: i64,
    },
    /// Takes everything from a client, at once: its tokens too.
    Disable {
        /// The client.
        id: ClientId,
    },
    /// Lists the clients with their history.
    List,
}

/// People.
#[derive(Subcommand)]
pub(super) enum MemberCommand {
    /// Lists the memberships.
    List,
    /// Ends a membership, at once.
    End {
        /// The membership.
        id: MembershipId,
    },
}

/// Keys that sign tokens.
#[derive(Subcommand)]
pub(super) enum KeysCommand {
    /// Puts a new key in place of the one that signs. What that one signed holds until it expires.
    Rotate {
        /// Believe nothing any more that was signed before: every client needs a new token at once.
        #[arg(long)]
        revoke: bool,
    },
}

/// What `token` takes.
#[derive(Args)]
pub(super) struct TokenArguments {
    /// What its holder is. A role that is tied to something is tied to the first of the directory, unless it is
    /// named.
    #[arg(long)]
    role: Role,
    #[command(flatten)]
    tie: TieArguments,
}

fn open(config: &Config) -> Result<Store> {
    let options = StoreOptions { connections: 2, ..StoreOptions::default() };
    Store::open(config.database()?, options, Clock::System)
}

/// `causeway client`.
pub(super) fn client(config: &Config, command: &ClientCommand) -> Result<ExitCode> {
    let store = open(config)?;
    match command {
        ClientCommand::Create { role, name, tie } => {
            let name = name.trim();
            if name.is_empty() || name.chars().any(char::is_control) {
                return Err(Error::Setup("a client needs a name, in one line".to_owned()));
            }
            let tie = tie.tie().unwrap_or(Tie::None);
            if let Some(problem) = rules::tie_problem(*role, &tie) {
                return Err(Error::Setup(format!("{role}: {problem} (--district ID, --organization ID)")));
            }
            let secret = NewSecret::make()?;
            let client = store.write_now(|tx| {
                let client = clients::create(tx, name, *role, &tie, BY)?;
                clients::add_secret(tx, client.id, &secret, SignedDuration::ZERO, BY)
            })?;
            println!("client_id:     {}", client.id);
            println!("client_secret: {}", secret.shown().reveal());
            eprintln!("the secret is shown this once; causeway client rotate {} makes another", client.id);
        }
        ClientCommand::Rotate { id, overlap_hours } => {
            let secret = NewSecret::make()?;
            let overlap = SignedDuration::try_from_hours(*overlap_hours)
                .ok_or_else(|| Error::Setup("--overlap-hours must be 0 to 720".to_owned()))?;
            store.write_now(|tx| clients::add_secret(tx, *id, &secret, overlap, BY))?;
            println!("client_secret: {}", secret.shown().reveal());
            eprintln!("the secrets before end in {overlap_hours} hours");
        }
        ClientCommand::Disable { id } => {
            let client = store.write_now(|tx| clients::disable(tx, *id, BY))?;
            eprintln!("{} ({}) is disabled", client.id, client.name);
        }
        ClientCommand::List => list_clients(&store)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list_clients(store: &Store) -> Result<()> {
    let now = store.clock().now();
    let all = store.read_now(|connection| {
        let all = clients::all(connection, now)?;
        all.into_iter()
            .map(|(client, live)| {
                let history = clients::history(connection, client.id)?;
                Ok((client, live, history))
            })
            .collect::<Result<Vec<_>>>()
    })?;
    for (client, live, history) in all {
        let state = if client.disabled_at.is_some() { "disabled" } else { "enabled" };
        println!(
            "{} {} {state}, {live} secrets, {:?}{}",
            client.id,
            client.role,
            client.name,
            tied(&client.tie)
        );
        for (event, by, at) in history {
            println!("  {at} {event} by {by}");
        }
    }
    Ok(())
}

fn tied(tie: &Tie) -> String {
    match tie {
        Tie::None => String::new(),
        Tie::District { district, schools } if schools.is_empty() => format!(", district {district}"),
        Tie::District { district, schools } => format!(", {} schools of district {district}", schools.len()),
        Tie::Organization(organization) => format!(", organization {organization}"),
    }
}

/// `causeway member`.
pub(super) fn member(config: &Config, command: &MemberCommand) -> Result<ExitCode> {
    let store = open(config)?;
    match command {
        MemberCommand::List => {
            for member in store.read_now(invitations::all)? {
                let state = if member.ended_at.is_some() { "ended" } else { "member" };
                let (role, tie) = (member.granted.role, tied(&member.granted.tie));
                println!("{} {role} {state}, {:?} of {}{tie}", member.id, member.name, member.issuer);
            }
        }
        MemberCommand::End { id } => {
            let member = store.write_now(|tx| invitations::end(tx, *id, BY))?;
            eprintln!("the membership {} ({}) has ended", member.id, member.name);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `causeway keys`.
pub(super) fn signing_keys(config: &Config, command: &KeysCommand) -> Result<ExitCode> {
    let store = open(config)?;
    let KeysCommand::Rotate { revoke } = command;
    let master = config.access.master_key.as_ref();
    let kid = store.write_now(|tx| keys::rotate(tx, master, *revoke, BY))?;
    eprintln!("the key {kid} signs from now on");
    Ok(ExitCode::SUCCESS)
}

/// `causeway token`.
pub(super) fn token(config: &Config, arguments: &TokenArguments) -> Result<ExitCode> {
    let access = Access::new(open(config)?, config.access.clone());
    let TokenArguments { role, tie } = arguments;
    let client = access.development_client(*role, tie.tie().as_ref())?;
    println!("{}", access.token_now(client.id, *role, None)?.token);
    Ok(ExitCode::SUCCESS)
}
