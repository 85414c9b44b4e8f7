//! A fence: a shape with a name and its own thresholds.

use serde::{Deserialize, Serialize};

use super::shape::{Shape, check_metres};
use crate::{Error, Result, domain::FenceId};

/// The most bytes of a fence's name.
pub const NAME_BYTES_MAX: usize = 128;
/// The most bytes of a fence's other properties, as JSON.
pub const TAGS_BYTES_MAX: usize = 8_192;
/// The least and the greatest hysteresis, metres.
pub const HYSTERESIS_M: (f64, f64) = (0.0, 10_000.0);
/// The most fixes that may be asked for to confirm.
pub const CONFIRM_FIXES_MAX: u8 = 20;
/// The longest time to dwell, seconds: 30 days.
pub const DWELL_S_MAX: u32 = 30 * 86_400;

/// A shape with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Fence {
    /// Unique among the fences that are asked together.
    pub id: FenceId,
    /// Name for people: 1 to 128 printable bytes.
    pub name: String,
    /// What it is for, as a word, e.g. `depot`, `toll`, `no_go`; it changes nothing here.
    pub kind: Option<String>,
    /// Where it is.
    pub shape: Shape,
    /// Thresholds of its own.
    pub rules: Rules,
    /// Whatever else its maker wrote beside it, kept as it was.
    pub tags: serde_json::Map<String, serde_json::Value>,
}

/// Thresholds of one fence; those that are absent are the tracker's
/// [`Settings`](super::Settings).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// How far outside a truck must be to have left, metres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hysteresis_m: Option<f64>,
    /// How many fixes in a row must agree, 1 to 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_fixes: Option<u8>,
    /// Inside for so long is an event of its own, seconds, 1 to 30 days. Absent: it never is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dwell_s: Option<u32>,
}

impl Fence {
    /// A fence called as its id, without thresholds of its own.
    pub fn new(id: FenceId, shape: Shape) -> Self {
        let name = id.as_str().to_owned();
        let (kind, rules, tags) = Default::default();
        Self { id, name, kind, shape, rules, tags }
    }

    /// Checks name, kind, thresholds and the size of the tags.
    ///
    /// # Errors
    /// `Invalid`, naming the first field that breaks a rule.
    pub fn validate(&self) -> Result<()> {
        check_text("name", &self.name)?;
        self.kind.as_deref().map_or(Ok(()), |kind| check_text("kind", kind))?;
        self.rules.check()?;
        let tags_bytes = serde_json::to_string(&self.tags).map_or(usize::MAX, |text| text.len());
        if tags_bytes > TAGS_BYTES_MAX {
            return Err(Error::invalid(format!(
                "other properties: {tags_bytes} bytes, the most is {TAGS_BYTES_MAX}"
            )));
        }
        Ok(())
    }
}

impl Rules {
    /// Checks every threshold against its range.
    ///
    /// # Errors
    /// `Invalid`, naming the first that is outside.
    pub fn check(&self) -> Result<()> {
        if let Some(hysteresis_m) = self.hysteresis_m {
            check_metres("hysteresis_m", hysteresis_m, HYSTERESIS_M)?;
        }
        if let Some(fixes) = self.confirm_fixes.filter(|f| !(1..=CONFIRM_FIXES_MAX).contains(f)) {
            return Err(Error::invalid(format!(
                "confirm_fixes: {fixes} is outside 1 to {CONFIRM_FIXES_MAX}"
            )));
        }
        if let Some(dwell_s) = self.dwell_s.filter(|d| !(1..=DWELL_S_MAX).contains(d)) {
            return Err(Error::invalid(format!(
                "dwell_s: {dwell_s} is outside 1 to {DWELL_S_MAX}"
            )));
        }
        Ok(())
    }
}

fn check_text(field: &str, text: &str) -> Result<()> {
    if !text.is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::invalid(format!("{field}: expected 1 to {NAME_BYTES_MAX} printable bytes")))
}
