mod follow;
mod laws;
mod truth;

use std::sync::Arc;

use super::{Matched, Matcher, Settings};
use crate::{domain::Fix, geo::Position, route::Network, time::Time};

const START_S: i64 = 1_767_571_200;

fn ne_india() -> Matcher {
    Matcher::new(Arc::clone(Network::ne_india()), Settings::default()).unwrap()
}

fn fix(secs: i64, place: Position) -> Fix {
    Fix::new(Time::from_secs(START_S + secs), 0, place).unwrap()
}
