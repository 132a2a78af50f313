//! Random keys of the deployment that lie in the database as they are, such as the one that signs cursors.

use diesel::prelude::*;

use super::schema::secrets;
use super::{DbConnection, Tx, on_either};
use crate::error::{Error, Result};

pub(super) fn find(connection: &mut DbConnection, name: &str) -> Result<Option<[u8; 32]>> {
    let found: Option<Vec<u8>> =
        secrets::table.find(name).select(secrets::value).get_result(connection).optional()?;
    let read = |value: Vec<u8>| {
        value.try_into().map_err(|_| Error::internal("reading a key", format!("the key {name} is damaged")))
    };
    found.map(read).transpose()
}

/// Does nothing if there is one already.
pub(super) fn insert(tx: &mut Tx<'_>, name: &str, value: &[u8; 32]) -> Result<()> {
    on_either!(&mut *tx.connection, connection => diesel::insert_into(secrets::table)
        .values((secrets::name.eq(name), secrets::value.eq(value.as_slice())))
        .on_conflict_do_nothing()
        .execute(connection))?;
    Ok(())
}

pub(super) fn delete(tx: &mut Tx<'_>, name: &str) -> Result<()> {
    diesel::delete(secrets::table.find(name)).execute(tx.connection)?;
    Ok(())
}
