//! Heights of the land from terrain tiles: a folder of SRTM `.hgt` files.
//!
//! A tile covers one degree by one degree and is named after its south-west corner, e.g.
//! `N26E091.hgt`. It holds rows of big-endian 16 bit metres from north to south, 3,601 to a side
//! (1 arc second, SRTM1) or 1,201 (3 arc seconds, SRTM3), -32,768 where nothing is known; the rim
//! is shared with the neighbouring tiles. (NASA JPL, *SRTM Topography*, 2009, §2.1 and §3.1.)
//!
//! One tile is held at a time (26 MB at most), however many a folder has.
//!
//! ```no_run
//! use fleet_core::geo::{Position, dem::Dem};
//! let land = Dem::open("dem".as_ref())?;
//! let shillong = Position::new(25.5689, 91.8831)?;
//! assert!(land.heights_m(&[shillong])?[0].is_some_and(|metres| metres > 1_000.0));
//! # Ok::<(), fleet_core::Error>(())
//! ```

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use super::Position;
use crate::{Error, Result};

/// The value of a sample that nobody knows.
const VOID: i16 = -32_768;
/// Samples to a side.
const SIDES: [usize; 2] = [1_201, 3_601];
/// Heights outside of these are faults of a tile, metres.
const PLAUSIBLE_M: std::ops::RangeInclusive<i16> = -500..=9_000;

/// South-west corner of a tile, degrees.
type Corner = (i16, i16);

/// The tiles of a folder.
#[derive(Clone, Debug)]
pub struct Dem {
    tiles: BTreeMap<Corner, PathBuf>,
}

impl Dem {
    /// Looks for tiles in a folder, not in folders below it. Other files are passed over.
    ///
    /// # Errors
    /// `NotFound` if there is no such folder or no tile in it; `Invalid` if a tile has no size that
    /// tiles have; `Unavailable` if the folder cannot be read.
    pub fn open(folder: &Path) -> Result<Self> {
        let shown = || folder.display().to_string();
        let unreadable = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Error::not_found(format!("{}: no such folder", shown()))
            }
            _ => Error::unavailable(shown()).with_source(error),
        };
        let mut tiles = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let path = entry.path();
            let is_tile = path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("hgt"));
            let corner = path.file_stem().and_then(|stem| corner(stem.to_str()?));
            if let Some(corner) = corner.filter(|_| is_tile) {
                let bytes = entry.metadata().map_err(unreadable)?.len();
                side_of(bytes).ok_or_else(|| {
                    let text = format!("{bytes} bytes, expected 2884802 or 25934402");
                    Error::invalid(format!("{}: {text}", path.display()))
                })?;
                tiles.insert(corner, path);
            }
        }
        if tiles.is_empty() {
            let text = "no tile such as N26E091.hgt in it";
            return Err(Error::not_found(format!("{}: {text}", shown())));
        }
        Ok(Self { tiles })
    }

    /// How many tiles there are.
    pub fn tiles(&self) -> usize {
        self.tiles.len()
    }

    /// The height of the land at each point in metres above the geoid, between the four samples
    /// around it (bilinear); `None` where no tile is or none of the four is known.
    ///
    /// # Errors
    /// `Invalid` if a tile has another size than when the folder was opened, or a height outside
    /// -500 to 9,000 m; `Unavailable` if one cannot be read.
    pub fn heights_m(&self, points: &[Position]) -> Result<Vec<Option<f64>>> {
        let mut order: Vec<(Corner, usize)> =
            points.iter().enumerate().map(|(ix, point)| (self.tile_of(*point), ix)).collect();
        order.sort_unstable();
        let mut heights = vec![None; points.len()];
        for group in order.chunk_by(|a, b| a.0 == b.0) {
            let corner = group[0].0;
            let Some(path) = self.tiles.get(&corner) else { continue };
            let tile = Tile::read(path)?;
            for &(_, ix) in group {
                heights[ix] = tile.height_m(points[ix], corner);
            }
        }
        Ok(heights)
    }

    /// The tile of a point: on a rim that of the other side if only that is there.
    fn tile_of(&self, point: Position) -> Corner {
        let whole = |degrees: f64| degrees.floor() as i16;
        let (south, west) = (whole(point.lat), whole(point.lon));
        let on_rim = |degrees: f64| (degrees - degrees.floor()).abs() < f64::EPSILON;
        let souths = [south, south - i16::from(on_rim(point.lat))];
        let wests = [west, west - i16::from(on_rim(point.lon))];
        let corners = souths.iter().flat_map(|south| wests.map(|west| (*south, west)));
        let mut there = corners.filter(|corner| self.tiles.contains_key(corner));
        there.next().unwrap_or((south, west))
    }
}

/// The corner that a tile's name says, e.g. `N26E091`.
fn corner(name: &str) -> Option<Corner> {
    let name = name.to_ascii_uppercase();
    let part = |text: &str, plus: char, minus: char, most: i16| {
        let sign = text.chars().next()?;
        let digits = text.get(1..)?;
        let degrees: i16 =
            digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse())?.ok()?;
        let sign = if sign == plus {
            1
        } else if sign == minus {
            -1
        } else {
            return None;
        };
        (degrees <= most).then_some(sign * degrees)
    };
    let (lat, lon) = (name.get(..3)?, name.get(3..)?);
    (lon.len() == 4).then_some(())?;
    Some((part(lat, 'N', 'S', 90)?, part(lon, 'E', 'W', 180)?))
}

fn side_of(bytes: u64) -> Option<usize> {
    SIDES.into_iter().find(|side| bytes == (side * side * 2) as u64)
}

struct Tile {
    side: usize,
    /// Two bytes a sample, from the north-west corner row by row.
    samples: Vec<u8>,
}

impl Tile {
    fn read(path: &Path) -> Result<Self> {
        let shown = || path.display().to_string();
        let unreadable = |error| Error::unavailable(shown()).with_source(error);
        let most = (SIDES[1] * SIDES[1] * 2) as u64;
        let mut samples = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(most + 1).read_to_end(&mut samples).map_err(unreadable)?;
        let side = side_of(samples.len() as u64)
            .ok_or_else(|| Error::invalid(format!("{}: no longer a tile's size", shown())))?;
        let tile = Self { side, samples };
        for row in 0..side {
            for column in 0..side {
                let height_m = tile.sample(row, column);
                if height_m != VOID && !PLAUSIBLE_M.contains(&height_m) {
                    let place = format!("row {row}, column {column}");
                    return Err(Error::invalid(format!("{}: {place}: {height_m} m", shown())));
                }
            }
        }
        Ok(tile)
    }

    fn sample(&self, row: usize, column: usize) -> i16 {
        let at = (row * self.side + column) * 2;
        i16::from_be_bytes([self.samples[at], self.samples[at + 1]])
    }

    /// The mean of the known samples around a point, weighted by nearness.
    #[expect(clippy::cast_sign_loss, reason = "clamped to the tile")]
    fn height_m(&self, point: Position, (south, west): Corner) -> Option<f64> {
        let last = (self.side - 1) as f64;
        let down = ((f64::from(south) + 1.0 - point.lat) * last).clamp(0.0, last);
        let right = ((point.lon - f64::from(west)) * last).clamp(0.0, last);
        let (row, column) = (down.floor().min(last - 1.0), right.floor().min(last - 1.0));
        let (down, right) = (down - row, right - column);
        let (row, column) = (row as usize, column as usize);
        let around = [
            (self.sample(row, column), (1.0 - down) * (1.0 - right)),
            (self.sample(row, column + 1), (1.0 - down) * right),
            (self.sample(row + 1, column), down * (1.0 - right)),
            (self.sample(row + 1, column + 1), down * right),
        ];
        let known = around.iter().filter(|sample| sample.0 != VOID && sample.1 > 0.0);
        let (sum, weight) = known.fold((0.0, 0.0), |(sum, weight), sample| {
            (sum + f64::from(sample.0) * sample.1, weight + sample.1)
        });
        (weight > 0.0).then(|| sum / weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    /// A tile whose height is a plane, with a void at the end.
    fn plane(side: usize, per_row: f64, per_column: f64) -> Vec<u8> {
        let sample = |row: usize, column: usize| {
            let height = 100.0 + row as f64 * per_row + column as f64 * per_column;
            (height.round() as i16).to_be_bytes()
        };
        let rows = 0..side;
        let mut bytes: Vec<u8> =
            rows.flat_map(|row| (0..side).flat_map(move |column| sample(row, column))).collect();
        let last = bytes.len() - 2;
        bytes[last..].copy_from_slice(&VOID.to_be_bytes());
        bytes
    }

    fn at(lat: f64, lon: f64) -> Position {
        Position { lat, lon }
    }

    #[test]
    fn names_say_where_a_tile_lies() {
        for (name, expected) in [
            ("N26E091", Some((26, 91))),
            ("s01w179", Some((-1, -179))),
            ("N00E000", Some((0, 0))),
            ("N91E000", None),
            ("N26E91", None),
            ("X26E091", None),
            ("N2+E091", None),
            ("ñ6E0910", None),
            ("", None),
        ] {
            assert_eq!(corner(name), expected, "{name}");
        }
    }

    #[test]
    fn a_plane_comes_back_between_the_samples_too() {
        let folder = tempfile::tempdir().unwrap();
        for (side, name) in [(1_201, "N26E091.hgt"), (3_601, "S01W180.HGT")] {
            fs::write(folder.path().join(name), plane(side, 1.0, 1.0)).unwrap();
        }
        fs::write(folder.path().join("readme.txt"), "no tile").unwrap();
        let land = Dem::open(folder.path()).unwrap();
        assert_eq!(land.tiles(), 2);
        let points = [
            at(27.0 - 600.25 / 1_200.0, 91.0 + 300.5 / 1_200.0),
            at(0.0 - 1_800.5 / 3_600.0, -180.0 + 0.25 / 3_600.0),
            at(27.0, 92.0), // the north-east corner, on the rim of three absent tiles
            at(26.0, 91.0),
            at(26.0, 92.0), // the void
            at(40.0, 10.0), // no tile
        ];
        let expected = [
            Some(100.0 + 600.25 + 300.5),
            Some(100.0 + 1_800.5 + 0.25),
            Some(100.0 + 1_200.0),
            Some(100.0 + 1_200.0),
            None,
            None,
        ];
        for (height, expected) in land.heights_m(&points).unwrap().iter().zip(expected) {
            match (height, expected) {
                (Some(height), Some(expected)) => assert!((height - expected).abs() < 1e-6),
                (height, expected) => assert_eq!(*height, expected),
            }
        }
    }

    #[test]
    fn a_folder_or_a_tile_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Dem::open(folder.path());
        let missing = Dem::open(&folder.path().join("none")).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        assert_eq!(open().unwrap_err().kind(), ErrorKind::NotFound);
        fs::write(folder.path().join("N26E091.hgt"), [0; 100]).unwrap();
        assert!(open().unwrap_err().to_string().contains("N26E091.hgt: 100 bytes"));
        let mut bytes = plane(1_201, 0.0, 0.0);
        bytes[2..4].copy_from_slice(&9_999_i16.to_be_bytes());
        fs::write(folder.path().join("N26E091.hgt"), bytes).unwrap();
        let error = open().unwrap().heights_m(&[at(26.5, 91.5)]).unwrap_err();
        assert!(error.to_string().contains("row 0, column 1: 9999 m"), "{error}");
    }
}
