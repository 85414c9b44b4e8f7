//! How far off a forecast may be: a band learned from what happened after earlier ones.

use crate::{Error, Result};

/// How far off forecasts were that looked so far ahead, minutes; positive is later than foreseen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Residuals {
    /// Hours that were foreseen to be left.
    pub hours: f64,
    /// 5 % of arrivals came before this.
    pub p05_min: f64,
    /// Half of them came before this.
    pub p50_min: f64,
    /// 95 % of them came before this.
    pub p95_min: f64,
}

/// A table of residuals by the hours left: linear between its rows, constant beyond its ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Band(Vec<Residuals>);

impl Band {
    /// The table with these `rows`.
    ///
    /// # Errors
    /// `Invalid` if it is empty, has an undefined number, hours that do not rise, or quantiles that
    /// fall.
    pub fn new(rows: Vec<Residuals>) -> Result<Self> {
        let rule = |ok: bool, text: &str| if ok { Ok(()) } else { Err(Error::invalid(text)) };
        rule(!rows.is_empty(), "band: expected a row")?;
        let is_finite = |row: &Residuals| {
            [row.hours, row.p05_min, row.p50_min, row.p95_min].into_iter().all(f64::is_finite)
        };
        rule(rows.iter().all(is_finite), "band: a number is not finite")?;
        let rises = rows.windows(2).all(|pair| pair[0].hours < pair[1].hours);
        rule(rises, "band: hours must rise from row to row")?;
        let is_ordered = |row: &Residuals| row.p05_min <= row.p50_min && row.p50_min <= row.p95_min;
        rule(rows.iter().all(is_ordered), "band: p05 <= p50 <= p95 is broken")?;
        Ok(Self(rows))
    }

    /// The residuals of a forecast that sees `hours` left.
    pub fn at(&self, hours: f64) -> Residuals {
        let after = self.0.partition_point(|row| row.hours <= hours);
        let (Some(below), Some(above)) = (self.0.get(after.wrapping_sub(1)), self.0.get(after))
        else {
            let end = if after == 0 { self.0.first() } else { self.0.last() };
            return Residuals { hours, ..end.copied().unwrap_or_default() }; // there is one
        };
        let t = (hours - below.hours) / (above.hours - below.hours);
        let blend = |a: f64, b: f64| a + (b - a) * t;
        Residuals {
            hours,
            p05_min: blend(below.p05_min, above.p05_min),
            p50_min: blend(below.p50_min, above.p50_min),
            p95_min: blend(below.p95_min, above.p95_min),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: Residuals = Residuals { hours: 1.0, p05_min: -5.0, p50_min: 0.0, p95_min: 10.0 };
    const FAR: Residuals = Residuals { hours: 5.0, p05_min: -25.0, p50_min: 4.0, p95_min: 90.0 };

    #[test]
    fn between_rows_it_is_linear_and_beyond_them_constant() {
        let band = Band::new(vec![ROW, FAR]).unwrap();
        assert_eq!(band.at(0.0), Residuals { hours: 0.0, ..ROW });
        assert_eq!(band.at(1.0), ROW);
        let middle = Residuals { hours: 3.0, p05_min: -15.0, p50_min: 2.0, p95_min: 50.0 };
        assert_eq!(band.at(3.0), middle);
        assert_eq!(band.at(50.0), Residuals { hours: 50.0, ..FAR });
    }

    #[test]
    fn what_is_no_table_is_refused() {
        for rows in [
            vec![],
            vec![FAR, ROW],
            vec![Residuals { p05_min: 1.0, ..ROW }],
            vec![Residuals { p95_min: f64::NAN, ..ROW }],
        ] {
            assert!(Band::new(rows.clone()).is_err(), "{rows:?}");
        }
    }
}
