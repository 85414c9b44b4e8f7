//! The air a truck drives through.

use crate::time::Time;

/// Mean temperature by month in Guwahati, °C, January first (India Meteorological Department).
const MONTHLY_MEAN_C: [f64; 12] =
    [17.5, 19.6, 23.3, 25.9, 26.8, 28.1, 28.9, 29.0, 28.7, 26.3, 22.3, 18.7];
/// Mean of the twelve.
const YEARLY_MEAN_C: f64 = 24.6;
/// Fall of temperature with height, K/m (standard atmosphere, ISO 2533).
const LAPSE_K_PER_M: f64 = 0.006_5;
/// Half of the difference between the warmest and the coldest hour, K (estimate).
const DAILY_SWING_K: f64 = 5.0;
/// The coldest hour, seconds after midnight IST.
const COLDEST_S: f64 = 5.0 * 3_600.0;

/// Temperature of the air at `altitude_m` and `time`, °C; without a time the mean of the year.
pub fn ambient_c(altitude_m: f64, time: Option<Time>) -> f64 {
    let Some(time) = time else { return YEARLY_MEAN_C - LAPSE_K_PER_M * altitude_m };
    let month = usize::from(time.ist_month()) - 1;
    let since_coldest = f64::from(time.ist_second_of_day()) - COLDEST_S;
    let half_days = since_coldest / 43_200.0;
    let half_days = if half_days < 0.0 { half_days + 2.0 } else { half_days };
    // A parabola in each half of the day stands in for the sine: the same on every machine.
    let x = if half_days < 1.0 { half_days } else { 2.0 - half_days };
    let swing = if x < 0.5 { 2.0 * x * x * 2.0 - 1.0 } else { 1.0 - 4.0 * (1.0 - x) * (1.0 - x) };
    MONTHLY_MEAN_C[month] - LAPSE_K_PER_M * altitude_m + DAILY_SWING_K * swing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mornings_are_coldest_and_hills_are_cold() {
        let at = |hour: i64| Time::from_ms(1_767_551_400_000 + hour * 3_600_000); // 5 January 00:00 IST
        assert_eq!(at(0).ist_second_of_day(), 0);
        let ambient_c = |altitude_m, time| ambient_c(altitude_m, Some(time));
        assert!((ambient_c(0.0, at(5)) - 12.5).abs() < 1e-9);
        assert!((ambient_c(0.0, at(17)) - 22.5).abs() < 1e-9);
        assert!(ambient_c(3_000.0, at(5)) < -6.0);
        for minute in 0..2_880 {
            let step = ambient_c(0.0, at(0).plus_ms((minute + 1) * 60_000))
                - ambient_c(0.0, at(0).plus_ms(minute * 60_000));
            assert!(step.abs() < 0.05, "no jump at minute {minute}");
        }
    }

    #[test]
    fn without_a_time_it_is_the_mean_of_the_year() {
        let mean = MONTHLY_MEAN_C.iter().sum::<f64>() / 12.0;
        assert!((ambient_c(0.0, None) - mean).abs() < 0.05, "{mean}");
    }
}
