//! What every queue promises: `Dispatch`, `WorkSource` and `Delivery`.

use crate::support::{Ends, LIMIT, offer, settings, soon, take};
use leafcutter_dispatch::{
    Dispatch, DispatchError, InProcessQueue, WorkSource, in_process, nats::QueueSettings,
};
use leafcutter_test_servers as servers;
use std::sync::Arc;
use tokio::time::timeout;

/// Offers that a queue under test holds.
const CAPACITY: u32 = 3;

pub(crate) trait Queue: Send + Sync + 'static {
    fn dispatch(&self) -> &dyn Dispatch;
    fn source(&self) -> &dyn WorkSource;
    fn close(&self) -> impl Future<Output = ()> + Send;
}

impl Queue for InProcessQueue {
    fn dispatch(&self) -> &dyn Dispatch {
        self
    }

    fn source(&self) -> &dyn WorkSource {
        self
    }

    async fn close(&self) {
        Self::close(self);
    }
}

struct AtBroker {
    ends: Ends,
    _server: Arc<servers::Nats>,
}

impl Queue for AtBroker {
    fn dispatch(&self) -> &dyn Dispatch {
        &self.ends.dispatch
    }

    fn source(&self) -> &dyn WorkSource {
        self.ends.source.as_ref()
    }

    async fn close(&self) {
        self.ends.source.close();
        self.ends.api.close().await;
        self.ends.worker.close().await;
    }
}

async fn at_broker() -> AtBroker {
    let server = servers::Nats::shared().await;
    let mut settings = settings(&server.url());
    settings.queue = QueueSettings { offers_max: CAPACITY, ..QueueSettings::default() };
    let ends = Ends::of(&settings).await;
    AtBroker { ends, _server: server }
}

macro_rules! every_queue {
    ($($promise:ident),+ $(,)?) => {
        mod in_process_queue {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(super::in_process(super::CAPACITY as usize)).await;
            })+
        }

        mod nats_queue {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(super::at_broker().await).await;
            })+
        }
    };
}

every_queue!(
    offers_come_out_in_the_order_they_went_in,
    a_full_queue_refuses_and_takes_again_when_there_is_room,
    each_offer_reaches_one_of_the_workers_that_wait,
    an_acknowledged_offer_does_not_come_back,
    closing_sends_everyone_home_and_takes_no_more_offers,
);

async fn offers_come_out_in_the_order_they_went_in(queue: impl Queue) {
    for number in 0..3 {
        queue.dispatch().offer(offer(number)).await.unwrap();
    }
    for number in 0..3 {
        assert_eq!(take(queue.source()).await.offer(), &offer(number));
    }
}

async fn a_full_queue_refuses_and_takes_again_when_there_is_room(queue: impl Queue) {
    for number in 0..3 {
        queue.dispatch().offer(offer(number)).await.unwrap();
    }
    assert_eq!(queue.dispatch().offer(offer(3)).await, Err(DispatchError::Full));
    take(queue.source()).await.acknowledge().await;
    queue.dispatch().offer(offer(4)).await.unwrap();
}

async fn each_offer_reaches_one_of_the_workers_that_wait(queue: impl Queue) {
    let queue = Arc::new(queue);
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move {
                let delivery = take(queue.source()).await;
                let item = delivery.offer().items[0];
                delivery.acknowledge().await;
                item
            })
        })
        .collect();
    for number in 0..3 {
        queue.dispatch().offer(offer(number)).await.unwrap();
    }
    let mut taken = Vec::new();
    for worker in workers {
        taken.push(soon("a worker", worker).await.unwrap());
    }
    taken.sort_unstable();
    assert_eq!(taken, [0, 1, 2]);
}

async fn an_acknowledged_offer_does_not_come_back(queue: impl Queue) {
    for number in 0..9 {
        queue.dispatch().offer(offer(number)).await.unwrap();
        let delivery = take(queue.source()).await;
        assert_eq!(delivery.offer(), &offer(number));
        delivery.acknowledge().await;
    }
}

async fn closing_sends_everyone_home_and_takes_no_more_offers(queue: impl Queue) {
    let queue = Arc::new(queue);
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move { queue.source().next().await.is_none() })
        })
        .collect();
    tokio::task::yield_now().await;
    timeout(LIMIT, queue.close()).await.unwrap();
    for waiter in waiting {
        assert!(soon("going home", waiter).await.unwrap());
    }
    assert_eq!(queue.dispatch().offer(offer(0)).await, Err(DispatchError::Closed));
}
