//! The same bits on every machine, whoever else is driven, on whichever thread; and that every law
//! has a test that stands.

use std::{fs, path::Path};

use fleet_core::physics::{Command, Moved, Road, Step, TruckModel, Vehicle, VehicleState};
use proptest::prelude::*;

use crate::fixtures::{hills, rolling_grade, vehicle};
use crate::laws::{drive, journeys, trucks};
use crate::report::LAWS;

/// FNV-1a over the bits of what a step leaves behind.
fn digest(seed: u64, state: &VehicleState, step: &Step) -> u64 {
    let numbers = [
        state.speed_mps,
        state.rpm,
        state.coolant_c,
        f64::from(state.gear),
        step.distance_m,
        step.fuel_ul,
        step.vibration_rms_mps2,
        step.energy.driveline_j,
    ];
    numbers
        .iter()
        .flat_map(|number| number.to_bits().to_le_bytes())
        .fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// An hour of hills, heat, stops and thin air: every branch of the kernel that a day meets.
fn hour(truck: &Vehicle) -> u64 {
    let mut state = VehicleState::parked(10.0);
    let (mut hash, mut metres) = (0xcbf2_9ce4_8422_2325, 0.0);
    for second in 0..3_600_u32 {
        let road = Road {
            grade: rolling_grade(metres, 0.08),
            air_density_kgpm3: if second < 1_800 { 1.16 } else { 0.82 },
            ambient_c: if second < 1_800 { 38.0 } else { 5.0 },
            wet: second % 900 > 600,
            ..Road::level(20.0)
        };
        let stands = second % 600 > 540;
        let command = Command {
            engine_on: second % 1_200 < 1_150,
            ..Command::drive(if stands { 0.0 } else { 16.0 })
        };
        let step = truck.step(&mut state, &road, &command, if second % 7 == 0 { 2.5 } else { 1.0 });
        metres += step.distance_m;
        hash = digest(hash, &state, &step);
    }
    hash
}

/// Holds the kernel to its bits: they were computed on x86-64 and may differ on no machine. A change
/// of the physics changes them, and then simulated worlds of older versions do not resume.
#[test]
fn an_hour_of_every_truck_has_the_bits_it_always_had() {
    let bits: Vec<String> = TruckModel::bundled()
        .iter()
        .map(|model| format!("{:016x} {}", hour(&vehicle(model, model.gvw_kg)), model.id))
        .collect();
    assert_eq!(bits, BITS, "the kernel gives other bits than it did");
}

const BITS: [&str; 8] = [
    "6ca39be4384aa2c2 light_4x2_7t5",
    "c88ae22695d7bf79 rigid_4x2_18t5",
    "f22e26ebee014037 rigid_6x2_25t5",
    "953e21a79be5637c rigid_6x2_31t",
    "9988c7ee5d7007ca rigid_10x2_37t",
    "b7811868af762bdf tipper_6x4_28t",
    "34fd97d74ccffa0e tipper_10x4_47t5",
    "10d25acd98b6b8cd tractor_4x2_55t",
];

/// √ and the four operations are exact to the last bit by IEEE 754; the rest of the maths library is
/// not, and a fused multiply-add rounds once instead of twice.
#[test]
fn the_kernel_is_written_with_exact_arithmetic_only() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/physics");
    for entry in fs::read_dir(dir).expect("the kernel's sources") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a source file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for name in [
            "sin", "cos", "tan", "exp", "exp2", "ln", "log", "log2", "log10", "powf", "powi",
            "cbrt", "hypot", "mul_add", "atan", "atan2", "asin", "acos", "sinh", "cosh", "tanh",
            "exp_m1", "ln_1p",
        ] {
            for call in [format!(".{name}("), format!("::{name}(")] {
                assert!(!code.contains(&call), "{}: {call}", path.display());
            }
        }
        assert!(!code.contains("libm"), "{}", path.display());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_truck_among_others_and_on_another_thread_does_the_same(
        one in trucks(), other in trucks(), journey in journeys(),
    ) {
        let hash_of = |truck: &Vehicle, journey: &[(Road, Command)]| {
            let mut hash = 0;
            drive(truck, journey, |_, _, state, step| hash = digest(hash, state, step));
            hash
        };
        let alone = hash_of(&one, &journey);
        let (beside, elsewhere) = std::thread::scope(|scope| {
            let elsewhere = scope.spawn(|| hash_of(&one, &journey));
            let (mut a, mut b) = (VehicleState::parked(journey[0].0.ambient_c), VehicleState::parked(9.0));
            let mut hash = 0;
            for (road, command) in &journey {
                for _ in 0..30 {
                    other.step(&mut b, road, command, 1.0);
                    let step = one.step(&mut a, road, command, 1.0);
                    hash = digest(hash, &a, &step);
                }
            }
            (hash, elsewhere.join().expect("it does not panic"))
        });
        prop_assert_eq!(alone, beside);
        prop_assert_eq!(alone, elsewhere);
    }

    #[test]
    fn a_road_prepared_a_book_left_out_and_a_rest_in_one_go_change_no_bit(
        truck in trucks(), journey in journeys(), rests_s in prop::collection::vec(0..90_u32, 20),
    ) {
        let mut states = [VehicleState::parked(journey[0].0.ambient_c); 3];
        for ((road, command), rest_s) in journey.iter().zip(rests_s) {
            let ground = truck.ground(road);
            let [a, b, c] = &mut states;
            for _ in 0..30 {
                let step = truck.step(a, road, command, 1.0);
                prop_assert_eq!(truck.step_on(b, &ground, command, 1.0), step);
                let moved = truck.move_on(c, &ground, command, 1.0);
                let Moved { distance_m, fuel_ul, vibration_rms_mps2, service_brake } = moved;
                prop_assert_eq!((distance_m, fuel_ul), (step.distance_m, step.fuel_ul));
                prop_assert_eq!(vibration_rms_mps2.to_bits(), step.vibration_rms_mps2.to_bits());
                prop_assert_eq!(service_brake, step.service_brake);
            }
            prop_assert!(*a == *b && *b == *c);
            for state in [&mut *a, &mut *b] {
                for _ in 0..rest_s {
                    truck.step_on(state, &ground, &Command::PARKED, 1.0);
                }
            }
            if !truck.cool_down(c, &ground, rest_s) {
                for _ in 0..rest_s {
                    truck.move_on(c, &ground, &Command::PARKED, 1.0);
                }
            }
            prop_assert!(*a == *c, "{a:?} {c:?}");
        }
    }

    #[test]
    fn what_is_counted_never_falls(truck in trucks(), journey in journeys()) {
        let (mut odometer_m, mut burned_ul) = (0.0_f64, 0.0_f64);
        drive(&truck, &journey, |_, _, _, step| {
            let after = (odometer_m + step.distance_m, burned_ul + step.fuel_ul);
            assert!(after.0 >= odometer_m && after.1 >= burned_ul, "{step:?}");
            (odometer_m, burned_ul) = after;
        });
    }

    #[test]
    fn a_longer_way_takes_more_fuel_and_time(truck in trucks(), km in 5.0..15.0_f64) {
        let (near, far) = (hills(&truck, km * 1e3, 50.0, 0.02, 1.0), hills(&truck, km * 1.2e3, 50.0, 0.02, 1.0));
        prop_assert!(far.litres >= near.litres && far.seconds > near.seconds);
    }
}

#[test]
fn every_law_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (number, _, place, test) in LAWS {
        let text = fs::read_to_string(root.join(place)).expect(place);
        assert!(text.contains(&format!("fn {test}")), "law {number}: {place} lacks {test}");
    }
    assert_eq!(LAWS.map(|law| law.0), std::array::from_fn::<u8, 16, _>(|i| i as u8 + 1));
}
