//! `POST /admin/accounts/{id}/keys` and `DELETE /admin/keys/{id}`: issue and revoke keys.

use crate::Commands;
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use leafcutter_domain::{
    AccountId, KeyId,
    account::{IssueKey, RevokeKey},
};
use leafcutter_wire::{ApiError, ErrorBody, WaitBody, hash_key};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Random characters of a key, after `lc_`.
const KEY_CHARS: usize = 40;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A key that was issued.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IssuedKey {
    /// Its id, to revoke it by.
    key_id: Uuid,
    /// The key, shown this once.
    api_key: String,
}

/// Issue another key for an account.
#[utoipa::path(
    post, path = "/admin/accounts/{id}/keys", tag = "Admin", operation_id = "issueKey",
    security(("admin_token" = [])),
    params(("id" = String, Path, format = Uuid, description = "The account")),
    responses(
        (status = 201, description = "Issued", body = IssuedKey, links(
            ("revoke" = (operation_id = "revokeKey", parameters(("id" = "$response.body#/keyId")))),
        )),
        (status = 401, description = "No or wrong admin token", body = ErrorBody),
        (status = 404, description = "No such account", body = ErrorBody),
        (status = 503, description = "`SERVICE_BUSY`; nothing was kept", body = WaitBody),
        (status = 504, description = "`OUTCOME_UNKNOWN`", body = ErrorBody),
    ),
)]
pub(crate) async fn issue(
    State(commands): State<Commands>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<IssuedKey>), ApiError> {
    let account: AccountId = id.parse().map_err(|_| ApiError::NotFound("There is no such account."))?;
    let at = commands.clock.steady_now()?;
    let (key, api_key, hash) = new_key()?;
    commands.accounts.transact(account, IssueKey { key, hash, at }).await?;
    Ok((StatusCode::CREATED, Json(IssuedKey { key_id: key.0, api_key })))
}

/// Revoke a key.
#[utoipa::path(
    delete, path = "/admin/keys/{id}", tag = "Admin", operation_id = "revokeKey",
    security(("admin_token" = [])),
    params(("id" = String, Path, format = Uuid, description = "The key's id")),
    responses(
        (status = 204, description = "Revoked"),
        (status = 401, description = "No or wrong admin token", body = ErrorBody),
        (status = 404, description = "No such key", body = ErrorBody),
        (status = 503, description = "`SERVICE_BUSY`; nothing was kept", body = WaitBody),
        (status = 504, description = "`OUTCOME_UNKNOWN`", body = ErrorBody),
    ),
)]
pub(crate) async fn revoke(
    State(commands): State<Commands>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    const NO_SUCH_KEY: ApiError = ApiError::NotFound("There is no such key.");
    let key: KeyId = id.parse().map_err(|_| NO_SUCH_KEY)?;
    let owner = commands.gate.keys().owner(key).await.map_err(|error| ApiError::from(&error))?;
    let account = owner.ok_or(NO_SUCH_KEY)?;
    let at = commands.clock.steady_now()?;
    commands.accounts.transact(account, RevokeKey { key, at }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A new key: its id, the key itself, and the hash that is stored.
pub(crate) fn new_key() -> Result<(KeyId, String, String), ApiError> {
    let mut key = String::from("lc_");
    let mut byte = [0_u8; 1];
    while key.len() < "lc_".len() + KEY_CHARS {
        getrandom::fill(&mut byte).map_err(|error| {
            tracing::error!(%error, "the system gives no random numbers");
            ApiError::Internal
        })?;
        // Bytes beyond the last whole alphabet are thrown away, so that every character is equally likely.
        if let Some(character) = (usize::from(byte[0]) < 4 * ALPHABET.len())
            .then(|| char::from(ALPHABET[usize::from(byte[0]) % ALPHABET.len()]))
        {
            key.push(character);
        }
    }
    let hash = hash_key(&key);
    Ok((KeyId(Uuid::now_v7()), key, hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_promised_form_and_differ() {
        let (_, first, hash) = new_key().unwrap();
        let (_, second, _) = new_key().unwrap();
        assert_ne!(first, second);
        assert_eq!(first.len(), 43);
        assert!(first.starts_with("lc_") && first[3..].chars().all(|char| char.is_ascii_alphanumeric()));
        assert_eq!(hash, hash_key(&first));
    }
}
