//! The fuel tank as a book in whole numbers: litres and rupees that never get lost.
//!
//! Fuel is counted in microlitres, money in micro-paise (10⁻⁸ ₹): a microlitre at `p` paise per
//! litre costs exactly `p` micro-paise, so no purchase is ever rounded. What is burned leaves at
//! the moving average price; the last drop takes what is left, so costs and the value in the tank
//! always sum to what was paid.
//!
//! ```
//! use fleet_core::physics::tank::Tank;
//! let mut tank = Tank::new(300_000_000, 100_000_000, 8_942); // 300 l, holding 100 l at 89.42 ₹
//! tank.refuel(100_000_000, 9_000);
//! let burned = tank.burn(50_000_000);
//! assert_eq!(burned.cost_upaise, 50_000_000 * 8_971); // the mean of the two prices
//! assert_eq!(tank.level_ul(), 150_000_000);
//! ```

use serde::{Deserialize, Serialize};

/// What is in the tank, and what it cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tank {
    capacity_ul: u64,
    level_ul: u64,
    value_upaise: u64,
}

/// What a consumption took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burned {
    /// Microlitres taken: what was asked for, or what there was.
    pub ul: u64,
    /// Their cost at the moving average price, micro-paise.
    pub cost_upaise: u64,
    /// Whether there was less than asked for: the truck has run dry.
    pub is_dry: bool,
}

/// What a refuelling brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refuelled {
    /// Microlitres filled: what was asked for, or what there was room for.
    pub ul: u64,
    /// Paid, micro-paise.
    pub cost_upaise: u64,
}

impl Tank {
    /// Prices above this (₹ 1 000 per litre) are cut, so that no sum can overflow.
    pub const PAISE_PER_L_MAX: u32 = 100_000;
    /// Tanks above this (10 000 l) are cut.
    pub const CAPACITY_UL_MAX: u64 = 10_000_000_000;

    /// A tank of `capacity_ul` holding `level_ul` (at most the capacity), bought at `paise_per_l`.
    pub fn new(capacity_ul: u64, level_ul: u64, paise_per_l: u32) -> Self {
        let capacity_ul = capacity_ul.min(Self::CAPACITY_UL_MAX);
        let mut tank = Self { capacity_ul, level_ul: 0, value_upaise: 0 };
        tank.refuel(level_ul, paise_per_l);
        tank
    }

    /// Usable volume, µl.
    pub const fn capacity_ul(&self) -> u64 {
        self.capacity_ul
    }

    /// What is in it, µl: 0 to the capacity.
    pub const fn level_ul(&self) -> u64 {
        self.level_ul
    }

    /// What its content cost, micro-paise; 0 when empty.
    pub const fn value_upaise(&self) -> u64 {
        self.value_upaise
    }

    /// Takes `ul` out, or all there is.
    pub fn burn(&mut self, ul: u64) -> Burned {
        let taken_ul = ul.min(self.level_ul);
        let level_ul = self.level_ul.max(1);
        let cost_upaise = match self.value_upaise.checked_mul(taken_ul) {
            Some(taken) => taken / level_ul, // nearly always: far cheaper than the other
            // At most the value itself, so it fits.
            None => {
                let taken = u128::from(self.value_upaise) * u128::from(taken_ul);
                u64::try_from(taken / u128::from(level_ul)).unwrap_or(0)
            }
        };
        self.level_ul -= taken_ul;
        self.value_upaise -= cost_upaise;
        Burned { ul: taken_ul, cost_upaise, is_dry: taken_ul < ul }
    }

    /// Fills in `ul` at `paise_per_l`, or as much as there is room for.
    pub fn refuel(&mut self, ul: u64, paise_per_l: u32) -> Refuelled {
        let filled_ul = ul.min(self.capacity_ul.saturating_sub(self.level_ul));
        let cost_upaise = filled_ul * u64::from(paise_per_l.min(Self::PAISE_PER_L_MAX));
        self.level_ul += filled_ul;
        self.value_upaise += cost_upaise;
        Refuelled { ul: filled_ul, cost_upaise }
    }
}

/// Whole microlitres in `fuel_ul` plus what was left over before, and the new remainder (0 to 1):
/// how a step's fuel enters the book without drift.
pub fn whole_ul(remainder_ul: f64, fuel_ul: f64) -> (u64, f64) {
    let sum = (remainder_ul + fuel_ul).max(0.0);
    let whole = sum as i64; // not negative: it rounds down; `as` saturates
    (whole.cast_unsigned(), sum - whole as f64)
}

/// What the level sender shows, l, in steps of 0.5, for `level_l` in a tank of `capacity_l`: slosh
/// moves it by 1.5 % of the tank at `noise` ±1 (draws beyond are cut).
pub fn sender_l(level_l: f64, capacity_l: f64, noise: f64) -> f64 {
    let slosh_l = 0.015 * capacity_l * noise.clamp(-1.0, 1.0);
    ((level_l + slosh_l) * 2.0).round().clamp(0.0, (capacity_l * 2.0).floor().max(0.0)) * 0.5
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_tank_run_dry_says_so_and_leaves_no_value_behind() {
        let mut tank = Tank::new(100, 7, 9_000);
        let burned = tank.burn(8);
        assert_eq!(burned, Burned { ul: 7, cost_upaise: 63_000, is_dry: true });
        assert_eq!((tank.level_ul(), tank.value_upaise()), (0, 0));
        assert_eq!(tank.burn(1), Burned { ul: 0, cost_upaise: 0, is_dry: true });
    }

    proptest! {
        #[test]
        fn no_drop_and_no_paisa_is_lost(
            capacity_ul in 1..=Tank::CAPACITY_UL_MAX,
            acts in prop::collection::vec((any::<bool>(), 0..2_000_000_000_u64, 0..150_000_u32), 1..60),
        ) {
            let mut tank = Tank::new(capacity_ul, capacity_ul / 2, 8_942);
            let (mut litres, mut money) =
                (i128::from(tank.level_ul()), i128::from(tank.value_upaise()));
            for (is_refuel, ul, paise_per_l) in acts {
                if is_refuel {
                    let filled = tank.refuel(ul, paise_per_l);
                    litres += i128::from(filled.ul);
                    money += i128::from(filled.cost_upaise);
                } else {
                    let burned = tank.burn(ul);
                    prop_assert_eq!(burned.is_dry, burned.ul < ul);
                    litres -= i128::from(burned.ul);
                    money -= i128::from(burned.cost_upaise);
                }
                prop_assert_eq!(litres, i128::from(tank.level_ul()));
                prop_assert_eq!(money, i128::from(tank.value_upaise()));
                prop_assert!(tank.level_ul() <= tank.capacity_ul());
                prop_assert!(tank.level_ul() > 0 || tank.value_upaise() == 0);
            }
        }

        #[test]
        fn remainders_add_up(steps in prop::collection::vec(0.0..5e6_f64, 1..200)) {
            let (mut whole, mut remainder_ul) = (0, 0.0);
            for &fuel_ul in &steps {
                let (ul, rest) = whole_ul(remainder_ul, fuel_ul);
                (whole, remainder_ul) = (whole + ul, rest);
                prop_assert!((0.0..1.0).contains(&rest));
            }
            let sum: f64 = steps.iter().sum();
            prop_assert!((whole as f64 + remainder_ul - sum).abs() < 1e-5);
        }

        #[test]
        fn a_sender_stays_near_the_level_and_within_the_tank(
            capacity_l in 20.0..500.0_f64, share in 0.0..=1.0_f64, noise in -2.0..2.0_f64,
        ) {
            let level_l = share * capacity_l;
            let shown_l = sender_l(level_l, capacity_l, noise);
            prop_assert!((0.0..=capacity_l).contains(&shown_l));
            prop_assert!((shown_l * 2.0).fract().abs() < 1e-12);
            prop_assert!((shown_l - level_l).abs() <= 0.015 * capacity_l + 0.5);
        }
    }
}
