//! A preparation kept in a folder, so that a large network is contracted once and not at each start.
//!
//! A file holds the hierarchy of one network, with or without ferries, behind a head that says of
//! which. It is trusted only if the head is the expected one, byte for byte, and the checksum fits:
//! whatever else lies there is made anew and replaced. The checksum is good against damage, not
//! against malice: the folder must be as safe as the program.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use super::{
    builtin::BuiltinRouter,
    engine::Engine,
    graph::Ferries,
    hierarchy::{Hierarchy, Prepared},
    network::{Fnv, Network},
};
use crate::{Error, Result};

/// The form of the file. It grows whenever weights, states or the file itself change.
const FORM: &[u8; 8] = b"FLTPREP1";
/// Form, version of this crate, fingerprint, ferries, length of what follows.
const HEAD: usize = 8 + 16 + 8 + 1 + 8;
const CHECKSUM: usize = 8;

/// How a router came by its preparation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Preparation {
    /// It had been prepared before.
    Ready,
    /// It was read from the folder.
    Read,
    /// It was made, and is now kept in the folder.
    Made {
        /// Why what the folder held would not do, e.g. `the checksum differs`.
        because: String,
    },
}

impl BuiltinRouter {
    /// Prepares what the first route would wait for: milliseconds for hundreds of roads, about 16 s
    /// for half a million.
    pub fn prepare(&self) {
        self.engine().hierarchy(self.network(), self.ferries());
    }

    /// Prepares by what `folder` keeps of this network, else anew, and keeps that there. The folder is
    /// made if there is none; one folder may serve many networks, and many programs at once.
    ///
    /// # Errors
    /// `Unavailable` if the preparation cannot be kept; the router is prepared all the same.
    ///
    /// ```
    /// use fleet_core::route::{BuiltinRouter, Network, Preparation};
    /// # let folder = std::env::temp_dir().join(format!("prepared-{}", std::process::id()));
    /// let router = || BuiltinRouter::new(Network::ne_india().clone());
    /// assert!(matches!(router().prepare_in(&folder)?, Preparation::Made { .. }));
    /// assert_eq!(router().prepare_in(&folder)?, Preparation::Read);
    /// # std::fs::remove_dir_all(folder).ok();
    /// # Ok::<(), fleet_core::Error>(())
    /// ```
    pub fn prepare_in(&self, folder: &Path) -> Result<Preparation> {
        let (network, ferries, engine) = (self.network(), self.ferries(), self.engine());
        if engine.is_prepared(ferries) {
            return Ok(Preparation::Ready);
        }
        let file = folder.join(name(network, ferries));
        let because = match read(&file, network, ferries) {
            Ok(hierarchy) => {
                engine.put(ferries, hierarchy);
                return Ok(Preparation::Read);
            }
            Err(because) => because,
        };
        keep(&file, network, ferries, engine)?;
        Ok(Preparation::Made { because })
    }
}

fn name(network: &Network, ferries: Ferries) -> String {
    let boats = if ferries == Ferries::Allowed { "-ferries" } else { "" };
    format!("{:016x}{boats}.prepared", network.fingerprint())
}

fn head(network: &Network, ferries: Ferries, length: usize) -> [u8; HEAD] {
    let mut version = [0; 16];
    for (to, from) in version.iter_mut().zip(env!("CARGO_PKG_VERSION").bytes()) {
        *to = from;
    }
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(FORM);
    head[8..24].copy_from_slice(&version);
    head[24..32].copy_from_slice(&network.fingerprint().to_le_bytes());
    head[32] = u8::from(ferries == Ferries::Allowed);
    head[33..].copy_from_slice(&(length as u64).to_le_bytes());
    head
}

/// The hierarchy that a file keeps, or why it will not do.
fn read(file: &Path, network: &Network, ferries: Ferries) -> Result<Hierarchy, String> {
    let bytes = fs::read(file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "nothing was kept".to_owned(),
        _ => format!("it cannot be read: {error}"),
    })?;
    let Some(length) = bytes.len().checked_sub(HEAD + CHECKSUM) else {
        return Err("it is cut short".into());
    };
    let (found, rest) = bytes.split_at(HEAD);
    let (content, checksum) = rest.split_at(length);
    if found != head(network, ferries, length) {
        return Err("it is of another form, version, network or length".into());
    }
    if Fnv::of(&bytes[..HEAD + length]).to_le_bytes() != *checksum {
        return Err("the checksum differs".into());
    }
    let prepared: Prepared =
        postcard::from_bytes(content).map_err(|error| format!("it cannot be read: {error}"))?;
    Hierarchy::of_prepared(&network.graph, ferries, prepared)
        .ok_or_else(|| "it is of another graph".to_owned())
}

/// Writes beside the file and moves it there, so that nobody reads half of one.
fn keep(file: &Path, network: &Network, ferries: Ferries, engine: &Engine) -> Result<()> {
    static TURN: AtomicU64 = AtomicU64::new(0);
    let prepared = engine.hierarchy(network, ferries).prepared();
    let kept = |error| {
        Error::unavailable(format!("{}: the preparation is not kept", file.display()))
            .with_source(error)
    };
    let content = postcard::to_stdvec(prepared)
        .map_err(|error| kept(io::Error::new(io::ErrorKind::InvalidData, error)))?;
    let mut bytes = head(network, ferries, content.len()).to_vec();
    bytes.extend(content);
    bytes.extend(Fnv::of(&bytes).to_le_bytes());
    let turn = TURN.fetch_add(1, Relaxed);
    let mut beside = PathBuf::from(file).into_os_string();
    beside.push(format!(".{}-{turn}", std::process::id()));
    let write = || {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&beside, &bytes)?;
        fs::rename(&beside, file)
    };
    write().map_err(|error| {
        // It may not be there at all.
        let _ = fs::remove_file(&beside);
        kept(error)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::{ErrorKind, route::search_tests};

    fn made_because(router: &BuiltinRouter, folder: &Path) -> String {
        match router.prepare_in(folder).unwrap() {
            Preparation::Made { because } => because,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_was_prepared_is_read_again_and_gives_the_same_routes() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("not/yet/there");
        for ferries in [Ferries::LeftOut, Ferries::Allowed] {
            let router =
                || BuiltinRouter::new(Arc::clone(Network::ne_india())).with_ferries(ferries);
            let (first, second, never) = (router(), router(), router());
            assert_eq!(made_because(&first, &folder), "nothing was kept");
            assert_eq!(second.prepare_in(&folder).unwrap(), Preparation::Read);
            assert_eq!(second.prepare_in(&folder).unwrap(), Preparation::Ready);
            let nodes: Vec<_> = Network::ne_india().node_indices().step_by(17).collect();
            for from in &nodes {
                for to in &nodes {
                    let expected = never.route_nodes(*from, *to).unwrap();
                    assert_eq!(second.route_nodes(*from, *to).unwrap(), expected);
                }
            }
        }
        let files = fs::read_dir(folder).unwrap();
        assert_eq!(files.count(), 2, "nothing else is left there");
    }

    #[test]
    fn what_another_network_left_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let router = BuiltinRouter::ne_india();
        let fresh = || BuiltinRouter::new(Arc::clone(Network::ne_india()));
        fresh().prepare_in(folder.path()).unwrap();
        let [own, other] = [Ferries::LeftOut, Ferries::Allowed]
            .map(|ferries| folder.path().join(name(router.network(), ferries)));
        fs::rename(own, other).unwrap();
        let because = made_because(&fresh().with_ferries(Ferries::Allowed), folder.path());
        assert!(because.contains("another"), "{because}");
    }

    #[test]
    fn where_nothing_can_be_kept_it_says_so_and_routes_are_found() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let router = BuiltinRouter::new(Arc::clone(Network::ne_india()));
        let error = router.prepare_in(&file.path().join("folder")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(router.prepare_in(file.path()).unwrap(), Preparation::Ready);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn damage_anywhere_is_found_and_mended(
            city in search_tests::city(),
            at in any::<prop::sample::Index>(),
            flip in 1_u8..,
            is_cut in any::<bool>(),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let network = Arc::new(city.build());
            let router = || BuiltinRouter::new(Arc::clone(&network));
            router().prepare_in(folder.path()).unwrap();
            let file = folder.path().join(name(&network, Ferries::LeftOut));
            let whole = fs::read(&file).unwrap();
            let mut bytes = whole.clone();
            let at = at.index(bytes.len());
            if is_cut { bytes.truncate(at) } else { bytes[at] ^= flip }
            fs::write(&file, bytes).unwrap();
            made_because(&router(), folder.path());
            prop_assert_eq!(fs::read(&file).unwrap(), whole);
            prop_assert_eq!(router().prepare_in(folder.path()).unwrap(), Preparation::Read);
        }
    }
}
