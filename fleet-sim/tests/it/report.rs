//! What a report of simulated days says, and that its forecasts are calibrated.

use fleet_sim::{FleetReport, ReportSettings};

fn settings(seed: u64, start: &str, days: u32, trucks: u32) -> ReportSettings {
    ReportSettings { seed, start: start.parse().unwrap(), trucks, days }
}

#[test]
fn nine_in_ten_arrivals_fall_into_the_band_in_the_dry_and_in_the_rains() {
    for (seed, start) in [(7, "2026-01-20T00:00:00Z"), (8, "2026-07-01T00:00:00Z")] {
        let report = FleetReport::simulate(settings(seed, start, 12, 30)).unwrap();
        let eta = report.fleet.eta;
        let share = eta.share().unwrap();
        assert!(eta.forecasts > 1_500, "{eta:?}");
        assert!((0.85..=0.95).contains(&share), "{share} from {start}: {:?}", report.coverage);
    }
}

#[test]
fn a_report_adds_up_and_is_the_same_again() {
    let three = settings(3, "2026-03-01T00:00:00Z", 3, 8);
    let report = FleetReport::simulate(three).unwrap();
    assert_eq!(report, FleetReport::simulate(three).unwrap());
    let km: f64 = report.trucks.iter().map(|line| line.km).sum();
    assert!((km - report.fleet.km).abs() < 1e-6 * km && km > 1_000.0, "{km}");
    let trips: u64 = report.trucks.iter().map(|line| line.trips).sum();
    assert_eq!(trips, report.fleet.trips);
    let late: u64 = report.late.iter().map(|late| late.trips).sum();
    let on_time = report.fleet.on_time.unwrap() * trips as f64;
    assert_eq!(on_time.round() as i64 + late.cast_signed(), trips.cast_signed());
    let burn = report.fleet.l_per_100km_by_terrain;
    assert!(burn.plain.unwrap() > 8.0 && burn.plain.unwrap() < 45.0, "{burn:?}");
    assert!(report.fleet.driving_h_per_day < 12.0);
    let page = report.markdown();
    assert!(page.contains("no source") && page.contains("TRK-000008"), "{page}");
}

#[test]
fn what_cannot_be_simulated_is_refused_by_name() {
    let start = "2026-03-01T00:00:00Z";
    for (days, trucks, name) in [(0, 3, "--days"), (3, 0, "--trucks"), (3, 20_000, "--trucks")] {
        let error = FleetReport::simulate(settings(1, start, days, trucks)).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}
