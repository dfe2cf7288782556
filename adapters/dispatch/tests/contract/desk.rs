//! What every way to the work desk promises: questions and answers arrive whole.

use crate::support::{connect, settings, soon};
use leafcutter_dispatch::{
    Assignment, ClaimAnswer, ClaimRequest, Cookies, DeskError, FailedPage, LeaseToken, Outcome, Report,
    ReportAnswer, ScrapedPage, WorkDesk,
    nats::{DeskServer, Nats, NatsDesk, serve_desk},
};
use leafcutter_domain::{
    BatchId, ErrorCode, Moment, ScrapeOptions, Usage, WorkerId,
    batch::{Extractor, StoredObject},
    limits::{COOKIES_BYTES_MAX, PROMPT_CHARS_MAX, SCHEMA_BYTES_MAX, URL_CHARS_MAX},
};
use leafcutter_test_servers as servers;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// A desk that grants everything, notes what it was asked, and can be made to wait or to be away.
pub(crate) struct NotingDesk {
    pub(crate) claims: Mutex<Vec<ClaimRequest>>,
    pub(crate) reports: Mutex<Vec<Report>>,
    /// One permit is used up by each question.
    pub(crate) may_answer: Semaphore,
    pub(crate) away: bool,
}

impl NotingDesk {
    pub(crate) fn new() -> Self {
        let (claims, reports) = (Mutex::default(), Mutex::default());
        Self { claims, reports, may_answer: Semaphore::new(Semaphore::MAX_PERMITS), away: false }
    }

    pub(crate) fn waiting() -> Self {
        Self { may_answer: Semaphore::new(0), ..Self::new() }
    }

    fn present(&self) -> Result<(), DeskError> {
        if self.away { Err(DeskError::Unavailable("the log is away".to_owned())) } else { Ok(()) }
    }
}

#[async_trait::async_trait]
impl WorkDesk for NotingDesk {
    async fn claim(&self, request: ClaimRequest) -> Result<ClaimAnswer, DeskError> {
        self.claims.lock().unwrap().push(request);
        self.may_answer.acquire().await.unwrap().forget();
        self.present()?;
        if request.item == 0 {
            return Ok(ClaimAnswer::Refused);
        }
        Ok(ClaimAnswer::Granted(Box::new(largest(request))))
    }

    async fn report(&self, report: Report) -> Result<ReportAnswer, DeskError> {
        self.present()?;
        let recorded = matches!(report.outcome, Outcome::Completed(_) | Outcome::PutBack);
        self.reports.lock().unwrap().push(report);
        Ok(if recorded { ReportAnswer::Recorded } else { ReportAnswer::Refused })
    }
}

pub(crate) const COOKIE: &str = "session=CRUMBS-NEVER-ON-DISK";

/// Everything at its limit and of characters that grow when they are written as JSON.
fn largest(request: ClaimRequest) -> Assignment {
    let control = |count: usize| "\u{1}".repeat(count);
    let cookies = format!("{COOKIE};{}", control(COOKIES_BYTES_MAX - COOKIE.len() - 1));
    let schema = serde_json::Value::String(control(SCHEMA_BYTES_MAX / 6));
    let options = ScrapeOptions {
        prompt: Some(control(PROMPT_CHARS_MAX)),
        schema: Some(schema),
        ..ScrapeOptions::default()
    };
    Assignment {
        batch: request.batch,
        item: request.item,
        attempt: 3,
        url: "u".repeat(URL_CHARS_MAX),
        options,
        cookies: Some(Cookies::new(cookies)),
        lease: LeaseToken([7; 32]),
        deadline: Moment::from_millis(1_234),
        object_prefix: "account/batch/1/3".to_owned(),
        result_bytes_max: u64::MAX,
    }
}

pub(crate) fn claim(item: u16) -> ClaimRequest {
    let batch = BatchId(Uuid::from_u128(0x77));
    ClaimRequest { batch, item, claim: Uuid::from_u128(item.into()), worker: WorkerId(Uuid::from_u128(5)) }
}

pub(crate) fn report(outcome: Outcome) -> Report {
    let usage = Usage {
        duration_ms: 1,
        received_bytes: u64::MAX,
        requests: 3,
        model_input_tokens: 5,
        model_output_tokens: u32::MAX,
        captchas: 1,
    };
    Report { batch: BatchId(Uuid::from_u128(0x77)), item: 1, lease: LeaseToken([9; 32]), outcome, usage }
}

fn scraped() -> ScrapedPage {
    let object = |key: &str| StoredObject { key: key.to_owned(), hash: "ab".repeat(32), bytes: 5 };
    ScrapedPage {
        result: object("a/b/1/1-h"),
        screenshot: Some(object("a/b/1/1-s")),
        final_url: "https://example.org/ü".to_owned(),
        http_status: 200,
        extractor: Extractor::Rules,
    }
}

/// A way to a desk, with whatever must live meanwhile.
pub(crate) struct Way {
    pub(crate) desk: Box<dyn WorkDesk>,
    _keep: Option<(DeskServer, Nats, Arc<servers::Nats>)>,
}

async fn at_hand(desk: NotingDesk) -> (Arc<NotingDesk>, Way) {
    struct Direct(Arc<NotingDesk>);
    #[async_trait::async_trait]
    impl WorkDesk for Direct {
        async fn claim(&self, request: ClaimRequest) -> Result<ClaimAnswer, DeskError> {
            self.0.claim(request).await
        }
        async fn report(&self, report: Report) -> Result<ReportAnswer, DeskError> {
            self.0.report(report).await
        }
    }
    let desk = Arc::new(desk);
    (Arc::clone(&desk), Way { desk: Box::new(Direct(desk)), _keep: None })
}

async fn over_nats(desk: NotingDesk) -> (Arc<NotingDesk>, Way) {
    let server = servers::Nats::shared().await;
    let settings = settings(&server.url());
    let (api, worker) = (connect(&settings).await, connect(&settings).await);
    let desk = Arc::new(desk);
    let served = serve_desk(&api, Arc::clone(&desk) as Arc<dyn WorkDesk>);
    let way = NatsDesk::new(&worker);
    // The server's subscription may still be on its way.
    crate::support::until("the desk to answer", async || {
        let answer = way.report(report(Outcome::PutBack)).await;
        answer.is_ok() || answer.is_err_and(|error| error.to_string().contains("log is away"))
    })
    .await;
    desk.reports.lock().unwrap().clear();
    (desk, Way { desk: Box::new(way), _keep: Some((served, api, server)) })
}

macro_rules! every_way {
    ($($promise:ident),+ $(,)?) => {
        mod direct {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(super::at_hand).await;
            })+
        }

        mod nats_desk {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(super::over_nats).await;
            })+
        }
    };
}

every_way!(
    a_claim_is_answered_with_everything_that_the_worker_needs,
    a_refused_claim_is_refused,
    every_kind_of_report_arrives_whole,
    a_desk_that_is_away_says_so,
    many_questions_at_a_time_are_answered,
);

async fn a_claim_is_answered_with_everything_that_the_worker_needs<
    W: AsyncFn(NotingDesk) -> (Arc<NotingDesk>, Way),
>(
    way: W,
) {
    let (desk, way) = way(NotingDesk::new()).await;
    let answer = soon("the claim", way.desk.claim(claim(1))).await.unwrap();
    let ClaimAnswer::Granted(assignment) = answer else { panic!("refused") };
    let expected = largest(claim(1));
    assert!(assignment.cookies == expected.cookies, "the cookies arrive whole");
    assert!(assignment.lease == expected.lease);
    assert_eq!(assignment.options, expected.options);
    assert_eq!(format!("{assignment:?}"), format!("{expected:?}"));
    assert!(!format!("{assignment:?}").contains("CRUMBS"), "cookies are not printed");
    assert_eq!(format!("{:?}", desk.claims.lock().unwrap()), format!("{:?}", [claim(1)]));
}

async fn a_refused_claim_is_refused<W: AsyncFn(NotingDesk) -> (Arc<NotingDesk>, Way)>(way: W) {
    let (_, way) = way(NotingDesk::new()).await;
    let answer = soon("the claim", way.desk.claim(claim(0))).await.unwrap();
    assert!(matches!(answer, ClaimAnswer::Refused));
}

async fn every_kind_of_report_arrives_whole<W: AsyncFn(NotingDesk) -> (Arc<NotingDesk>, Way)>(way: W) {
    let (desk, way) = way(NotingDesk::new()).await;
    let failed = FailedPage {
        code: ErrorCode::Blocked,
        message: "no".to_owned(),
        final_url: None,
        http_status: Some(403),
    };
    let outcomes = [
        (Outcome::Completed(scraped()), ReportAnswer::Recorded),
        (Outcome::Completed(ScrapedPage { screenshot: None, ..scraped() }), ReportAnswer::Recorded),
        (Outcome::Failed(failed), ReportAnswer::Refused),
        (Outcome::PutBack, ReportAnswer::Recorded),
    ];
    for (outcome, expected) in outcomes {
        let sent = report(outcome);
        assert_eq!(soon("the report", way.desk.report(sent.clone())).await.unwrap(), expected);
        let arrived = desk.reports.lock().unwrap().pop().unwrap();
        assert!(arrived.lease == sent.lease);
        assert_eq!(format!("{arrived:?}"), format!("{sent:?}"));
    }
}

async fn a_desk_that_is_away_says_so<W: AsyncFn(NotingDesk) -> (Arc<NotingDesk>, Way)>(way: W) {
    let (_, way) = way(NotingDesk { away: true, ..NotingDesk::new() }).await;
    let said = soon("the claim", way.desk.claim(claim(1))).await.unwrap_err();
    assert!(said.to_string().contains("the log is away"), "{said}");
    assert!(way.desk.report(report(Outcome::PutBack)).await.is_err());
}

async fn many_questions_at_a_time_are_answered<W: AsyncFn(NotingDesk) -> (Arc<NotingDesk>, Way)>(way: W) {
    let (desk, way) = way(NotingDesk::new()).await;
    let questions = (0..200).map(|item| way.desk.claim(claim(item)));
    let answers = soon("the answers", futures::future::join_all(questions)).await;
    for (item, answer) in answers.into_iter().enumerate() {
        match answer.unwrap() {
            ClaimAnswer::Granted(assignment) => assert_eq!(usize::from(assignment.item), item),
            ClaimAnswer::Refused => assert_eq!(item, 0),
        }
    }
    assert_eq!(desk.claims.lock().unwrap().len(), 200);
}
