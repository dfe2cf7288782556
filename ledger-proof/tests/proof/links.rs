//! The bytes of one link.

use leafcutter_ledger_proof::{ChainLink, event_id, link_hash};

#[test]
fn a_link_covers_each_of_its_parts_and_stays_the_same() {
    let link = ChainLink {
        prev: "aa",
        stream: "ledger-1",
        revision: 7,
        id: "00000000-0000-0000-0000-000000000001",
        name: "CreditsCharged",
        occurred_at: "2026-11-22T10:00:00.500Z",
        data: b"{}",
    };
    assert_eq!(link_hash(&link), "c3a6a823f97751099f179672ee3871a3a36808271b4cf1206c132a2a72418a7b");
    let others = [
        ChainLink { prev: "", ..link },
        ChainLink { stream: "ledger-2", ..link },
        ChainLink { revision: 8, ..link },
        ChainLink { id: "00000000-0000-0000-0000-000000000002", ..link },
        ChainLink { name: "CreditsRefunded", ..link },
        ChainLink { occurred_at: "2026-11-22T10:00:00.001Z", ..link },
        ChainLink { data: b"{ }", ..link },
        ChainLink { prev: "aaledger", stream: "-1", ..link },
    ];
    for other in others {
        assert_ne!(link_hash(&other), link_hash(&link), "{other:?}");
    }
}

#[test]
fn an_id_is_made_of_place_name_and_data() {
    let id = event_id("account-1", 7, "AccountOpened", b"{}");
    assert_eq!(id.to_string(), "9fb17fc5-8e70-5b08-baf7-1fd03bd6f025");
}
