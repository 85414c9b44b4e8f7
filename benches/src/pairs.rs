//! A row: pairs of ours and peer, their ratios, and the bounds these must keep.

use anyhow::Result;
use serde_json::{Value, json};

use crate::process;

/// What one run of each gave, in the same unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) ours: f64,
    pub(crate) peer: f64,
}

/// A bound on the median ratio, ours to peer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    fn holds(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(bound) => ratio >= bound,
            Self::AtMost(bound) => ratio <= bound,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(bound) => format!("≥ {}", number(bound)),
            Self::AtMost(bound) => format!("≤ {}", number(bound)),
        }
    }
}

/// One line of the report.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) number: &'static str,
    pub(crate) title: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) must: Bound,
    pub(crate) aim: Bound,
    pub(crate) pairs: Vec<Pair>,
    /// What was found beside the figures.
    pub(crate) note: String,
}

/// So many pairs, each ours then peer, the order turned round every second time.
pub(crate) fn alternate(
    count: usize,
    mut ours: impl FnMut() -> Result<f64>,
    mut peer: impl FnMut() -> Result<f64>,
) -> Result<Vec<Pair>> {
    let pair = |turn: usize| {
        if turn.is_multiple_of(2) {
            let ours = ours()?;
            return Ok(Pair { ours, peer: peer()? });
        }
        let peer = peer()?;
        Ok(Pair { ours: ours()?, peer })
    };
    (0..count).map(pair).collect()
}

/// The middle one.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Row {
    fn ratios(&self) -> Vec<f64> {
        let mut ratios: Vec<f64> = self.pairs.iter().map(|pair| pair.ours / pair.peer).collect();
        ratios.sort_by(f64::total_cmp);
        ratios
    }

    /// Whether the median ratio keeps the bound that it must.
    pub(crate) fn is_met(&self) -> bool {
        self.must.holds(median(self.ratios()))
    }

    fn verdict(&self) -> &'static str {
        let ratio = median(self.ratios());
        match (self.must.holds(ratio), self.aim.holds(ratio)) {
            (true, true) => "reached",
            (true, false) => "met",
            (false, _) => "MISSED",
        }
    }

    pub(crate) fn text(&self) -> String {
        let ratios = self.ratios();
        let (least, most) = (ratios.first().copied(), ratios.last().copied());
        format!(
            "{:>5}  {:<52} ours {:>8}  peer {:>8} {:<14} ratio {:>8} ({} to {}, {} pairs)  \
             must {}, aim {}: {}{}{}",
            self.number,
            self.title,
            number(median(self.pairs.iter().map(|pair| pair.ours))),
            number(median(self.pairs.iter().map(|pair| pair.peer))),
            self.unit,
            number(median(ratios.iter().copied())),
            number(least.unwrap_or(f64::NAN)),
            number(most.unwrap_or(f64::NAN)),
            ratios.len(),
            self.must.text(),
            self.aim.text(),
            self.verdict(),
            if self.note.is_empty() { "" } else { "; " },
            self.note,
        )
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "row": self.number,
            "title": self.title,
            "unit": self.unit,
            "ours": self.pairs.iter().map(|pair| pair.ours).collect::<Vec<_>>(),
            "peer": self.pairs.iter().map(|pair| pair.peer).collect::<Vec<_>>(),
            "ratio_median": median(self.ratios()),
            "ratio_min": self.ratios().first(),
            "ratio_max": self.ratios().last(),
            "must": self.must.text(),
            "aim": self.aim.text(),
            "verdict": self.verdict(),
            "load": process::load(),
            "note": self.note,
        })
    }
}

/// Three digits that matter.
fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if size >= 1e7 => format!("{:.3} M", value / 1e6),
        _ if size >= 1e4 => format!("{:.0} k", value / 1e3),
        _ if size >= 100.0 => format!("{value:.0}"),
        _ if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
