//! How far off a forecast may be: a band learned from what happened after earlier ones.

use std::sync::LazyLock;

use crate::{Error, Result, domain::Eta, time::Time};

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

    /// The residuals of the season in which a forecast is made: in the rains (May to October) roads
    /// wash out and close, and nobody knows which.
    ///
    /// From 48 days each from 5 January, 11 March, 1 July and 11 September of the simulated fleet,
    /// with seeds 101 and 102, 30 trucks, 161 thousand forecasts; `data-fleet report` prints what
    /// such a run has. Far ahead one rest more or less decides, and in winter a night without the
    /// usual fog.
    pub fn of_season(now: Time) -> &'static Self {
        static DRY: LazyLock<Band> = LazyLock::new(|| table(&DRY_ROWS));
        static WET: LazyLock<Band> = LazyLock::new(|| table(&WET_ROWS));
        if (5..=10).contains(&now.ist_month()) { &WET } else { &DRY }
    }

    /// What a forecast made at `now`, which foresees the arrival at `foreseen`, may be told as: never
    /// before `now`, and in order.
    pub fn around(&self, foreseen: Time, now: Time) -> Eta {
        let off = self.at(foreseen.ms_since(now) as f64 / 3_600e3);
        let after = |minutes: f64| foreseen.plus_ms((minutes * 60.0) as i64 * 1_000);
        let earliest = after(off.p05_min).max(now);
        let arrival = after(off.p50_min).max(earliest);
        Eta { arrival, earliest, latest: after(off.p95_min).max(arrival) }
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

/// (hours foreseen, minutes that 5 %, 50 % and 95 % of arrivals are later)
type Row = (f64, f64, f64, f64);
const DRY_ROWS: [Row; 12] = [
    (0.25, -0.43, 0.01, 0.35),
    (0.76, -1.1, -0.14, 0.53),
    (1.5, -4.4, -0.33, 4.1),
    (2.5, -9.2, -0.46, 6.8),
    (4.0, -17.9, -0.71, 9.9),
    (6.5, -31.9, -1.1, 13.7),
    (9.9, -50.6, -1.6, 18.0),
    (14.7, -82.8, -2.0, 20.5),
    (21.3, -330.0, -3.2, 25.7),
    (28.7, -359.2, -4.2, 49.0),
    (40.4, -983.0, -14.5, 149.8),
    (52.7, -924.0, -380.1, -23.2),
];
const WET_ROWS: [Row; 12] = [
    (0.25, -0.44, 0.01, 0.37),
    (0.75, -0.99, -0.14, 0.55),
    (1.5, -3.3, -0.09, 6.2),
    (2.5, -4.5, 0.06, 11.8),
    (4.0, -5.4, 0.21, 21.4),
    (6.5, -8.1, 0.52, 39.4),
    (9.9, -13.2, 0.49, 92.9),
    (14.8, -33.4, 0.55, 258.0),
    (21.3, -39.4, 0.82, 272.9),
    (28.9, -55.0, 3.7, 359.7),
    (40.2, -331.8, 4.4, 434.9),
    (54.4, -419.8, -1.8, 326.3),
];

fn table(rows: &[Row]) -> Band {
    let row =
        |&(hours, p05_min, p50_min, p95_min): &Row| Residuals { hours, p05_min, p50_min, p95_min };
    Band::new(rows.iter().map(row).collect()).expect("the tables are tested")
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

    #[test]
    fn the_rains_widen_the_band() {
        let band = |day: &str| Band::of_season(day.parse().unwrap());
        let (dry, wet) = (band("2026-01-05T00:00:00Z"), band("2026-07-05T00:00:00Z"));
        assert!(wet.at(15.0).p95_min > 2.0 * dry.at(15.0).p95_min);
    }

    #[test]
    fn a_band_stands_around_its_forecast_and_never_before_now() {
        let now: Time = "2026-01-05T00:00:00Z".parse().unwrap();
        for minutes in [0, 1, 10, 100, 1_000, 5_000] {
            let foreseen = now.plus_ms(minutes * 60_000);
            let eta = Band::of_season(now).around(foreseen, now);
            assert!(now <= eta.earliest && eta.earliest <= eta.arrival, "{eta:?}");
            assert!(eta.arrival <= eta.latest, "{eta:?}");
        }
    }
}
