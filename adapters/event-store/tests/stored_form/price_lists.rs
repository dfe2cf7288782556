//! Samples of the price lists' events. Not here: comparing.

use crate::{
    account::at,
    golden::{Sample, every},
};
use leafcutter_domain::{
    ErrorCode, PriceList,
    price_lists::{PriceListEvent, PriceListPublished},
};

every!(PriceListEvent: PriceListPublished);

pub(crate) fn samples() -> Vec<Sample<PriceListEvent>> {
    let failures = [(ErrorCode::HttpStatus, 1), (ErrorCode::WorkerLost, 2)].into();
    let list = PriceList { version: 3, proxy: 4, model: 5, failures, ..PriceList::built_in() };
    let plain = PriceList { failures: [].into(), ..list.clone() };
    vec![
        ("PriceListPublished", PriceListPublished { list, at: at() }.into()),
        ("PriceListPublished.free", PriceListPublished { list: plain, at: at() }.into()),
    ]
}
