//! `GET /api/usage-stats`: what the account used, by day or by week, with zeros where it used nothing.

use crate::{QueryState, params::Params, state::unavailable};
use axum::{Json, extract::State};
use jiff::{ToSpan, civil::Date};
use leafcutter_read_models::{Usage, UsageDay};
use leafcutter_wire::{ApiError, Caller, ErrorBody, WaitBody};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// Weeks of the weekly range, the present one included.
const WEEKS: i32 = 8;

/// How far back, and in which steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
pub(crate) enum Range {
    /// The last 7 days.
    #[schema(rename = "7d")]
    Week,
    /// The last 30 days.
    #[schema(rename = "30d")]
    Month,
    /// The last 8 weeks, Monday to Sunday.
    #[schema(rename = "weekly")]
    Weekly,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsageParams {
    /// The last 7 or 30 (default) days, day by day, or the last 8 weeks.
    #[param(inline, value_type = Option<Range>)]
    range: Option<String>,
}

/// Rows, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsageAnswer {
    data: Vec<UsageRow>,
}

/// A day or a week.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsageRow {
    /// `Apr 16`, or `Apr 14-20`.
    label: String,
    /// `2026-04-16`, or `Apr 14 – Apr 20`.
    date: String,
    /// Tokens of language models.
    tokens: u64,
    /// Items that ended after an attempt.
    requests: u64,
    /// Crawls, which this service does not offer.
    crawls: u64,
    /// CAPTCHAs solved.
    captchas: u64,
    /// Average wall time of an attempt, in milliseconds.
    latency: f64,
    /// Credits charged.
    credits: u64,
}

/// Get usage
///
/// Days are UTC. Waits a moment until everything that was answered before is counted.
#[utoipa::path(
    get, path = "/api/usage-stats", tag = "Account", operation_id = "getUsage",
    params(UsageParams),
    responses(
        (status = 200, description = "The rows", body = UsageAnswer),
        (status = 400, description = "`INVALID_RANGE`", body = ErrorBody),
        (status = 401, description = "No API key", body = ErrorBody),
        (status = 403, description = "Invalid API key", body = ErrorBody),
        (status = 429, description = "Too many requests", body = WaitBody),
        (status = 503, description = "`SERVICE_BUSY`: the numbers are not current yet", body = WaitBody),
    ),
)]
pub(crate) async fn usage(
    State(state): State<QueryState>,
    caller: Caller,
    params: Result<Params<UsageParams>, ApiError>,
) -> Result<Json<UsageAnswer>, ApiError> {
    let Params(params) = params.map_err(|_| invalid_range())?;
    let range = range(params.range.as_deref())?;
    let today: Date = state.clock.now().day().parse().map_err(|error| {
        tracing::error!(%error, "the clock shows a day that is none");
        ApiError::Internal
    })?;
    let steps = steps(range, today);
    let Some(first) = steps.first() else { return Ok(Json(UsageAnswer { data: vec![] })) };
    let tables = state.tables_current().await?;
    let days = tables.usage(caller.account, &first.0.to_string()).await.map_err(unavailable)?;
    Ok(Json(UsageAnswer { data: rows(range, &steps, days) }))
}

fn invalid_range() -> ApiError {
    let message = "range: must be '7d', '30d' or 'weekly'.".to_owned();
    ApiError::BadRequest { code: "INVALID_RANGE", message }
}

fn range(text: Option<&str>) -> Result<Range, ApiError> {
    match text {
        Some("7d") => Ok(Range::Week),
        None | Some("30d") => Ok(Range::Month),
        Some("weekly") => Ok(Range::Weekly),
        Some(_) => Err(invalid_range()),
    }
}

/// First and last day of each row, oldest first. Years near the calendar's ends have fewer.
fn steps(range: Range, today: Date) -> Vec<(Date, Date)> {
    let days_back = |count: i32| (0..count).rev().filter_map(move |back| today.checked_sub(back.days()).ok());
    match range {
        Range::Week => days_back(7).map(|day| (day, day)).collect(),
        Range::Month => days_back(30).map(|day| (day, day)).collect(),
        Range::Weekly => {
            let since_monday = i32::from(today.weekday().to_monday_zero_offset());
            let week = |back: i32| {
                let monday = today.checked_sub((since_monday + back * 7).days()).ok()?;
                Some((monday, monday.checked_add(6.days()).ok()?))
            };
            (0..WEEKS).rev().filter_map(week).collect()
        }
    }
}

fn rows(range: Range, steps: &[(Date, Date)], days: Vec<UsageDay>) -> Vec<UsageRow> {
    let by_day: BTreeMap<Date, Usage> =
        days.into_iter().filter_map(|one| Some((one.day.parse().ok()?, one.usage))).collect();
    steps
        .iter()
        .map(|&(first, last)| {
            let mut sum = Usage::default();
            by_day.range(first..=last).for_each(|(_, usage)| sum.add(*usage));
            row(range, first, last, sum)
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "an average in milliseconds needs no 53 bits")]
fn row(range: Range, first: Date, last: Date, usage: Usage) -> UsageRow {
    let short = |day: Date| day.strftime("%b %-d").to_string();
    let (label, date) = match range {
        Range::Week | Range::Month => (short(first), first.to_string()),
        Range::Weekly => {
            let end = if first.month() == last.month() { last.day().to_string() } else { short(last) };
            (format!("{}-{end}", short(first)), format!("{} – {}", short(first), short(last)))
        }
    };
    let samples = usage.latency_samples;
    let latency = if samples == 0 { 0.0 } else { usage.latency_ms as f64 / samples as f64 };
    let Usage { requests, credits, tokens, captchas, .. } = usage;
    UsageRow { label, date, tokens, requests, crawls: 0, captchas, latency, credits }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str, requests: u64, latency_ms: u64) -> UsageDay {
        let (credits, tokens) = (requests * 2, requests * 100);
        let usage = Usage { requests, latency_ms, latency_samples: requests, credits, tokens, captchas: 1 };
        UsageDay { day: text.to_owned(), usage }
    }

    fn labels(range: Range, today: &str) -> Vec<(String, String)> {
        let steps = steps(range, today.parse().unwrap());
        rows(range, &steps, vec![]).into_iter().map(|row| (row.label, row.date)).collect()
    }

    #[test]
    fn days_end_today_and_are_named_twice() {
        let labels = labels(Range::Week, "2026-04-16");
        assert_eq!(labels.len(), 7);
        assert_eq!(labels[6], ("Apr 16".to_owned(), "2026-04-16".to_owned()));
        assert_eq!(labels[0].1, "2026-04-10");
    }

    #[test]
    fn weeks_go_from_monday_to_sunday() {
        let labels = labels(Range::Weekly, "2025-04-16");
        assert_eq!(labels.len(), 8);
        assert_eq!(labels[7], ("Apr 14-20".to_owned(), "Apr 14 – Apr 20".to_owned()));
        assert_eq!(labels[5], ("Mar 31-Apr 6".to_owned(), "Mar 31 – Apr 6".to_owned()));
    }

    #[test]
    fn days_without_use_are_zero_and_latency_is_an_average() {
        let today: Date = "2026-04-16".parse().unwrap();
        let days = vec![day("2026-04-14", 2, 300), day("2026-04-16", 1, 40)];
        let rows = rows(Range::Week, &steps(Range::Week, today), days);
        assert_eq!((rows[4].requests, rows[4].credits, rows[4].latency), (2, 4, 150.0));
        assert_eq!((rows[4].tokens, rows[4].captchas), (200, 1));
        assert_eq!((rows[5].requests, rows[5].latency), (0, 0.0));
        assert_eq!(rows[6].requests, 1);
    }
}
