//! A server of a test's own, that it may kill.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// A server that a script of `scripts/servers` has started in a folder of its own; it is killed and
/// its folder removed when this is dropped. Calls block until they are done.
pub struct OwnServer {
    script: PathBuf,
    settings: Vec<(String, String)>,
    folder: TempDir,
    url: String,
}

impl fmt::Debug for OwnServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnServer").field("url", &self.url).finish_non_exhaustive()
    }
}

impl OwnServer {
    /// Starts one on a free port, with the script's `settings` (names and values of its variables).
    ///
    /// # Panics
    /// If it does not come up, with what the script said.
    pub fn start(script: impl AsRef<Path>, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the server");
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let settings = settings.iter().map(own).collect();
        let mut server =
            Self { script: script.as_ref().to_owned(), settings, folder, url: String::new() };
        server.url = server.run(&["start", "0"]);
        server
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Kills it as a crash would (SIGKILL); its data and port stay.
    ///
    /// # Panics
    /// If the script fails.
    pub fn kill(&self) {
        self.run(&["kill"]);
    }

    /// Ends it gracefully; its data and port stay.
    ///
    /// # Panics
    /// If the script fails.
    pub fn stop(&self) {
        self.run(&["stop"]);
    }

    /// Starts it again at the same address.
    ///
    /// # Panics
    /// If it does not come up, with what the script said.
    pub fn start_again(&self) {
        let port = self.url.rsplit(':').next().unwrap_or("0");
        let port = port.split('/').next().unwrap_or(port);
        assert_eq!(self.run(&["start", port]), self.url, "it came up elsewhere");
    }

    /// As [`start_again`](Self::start_again), with other settings: with other data, say.
    ///
    /// # Panics
    /// As [`start_again`](Self::start_again).
    pub fn start_again_with(&mut self, settings: &[(&str, &str)]) {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        self.settings = settings.iter().map(own).collect();
        self.start_again();
    }

    /// `script VERB folder [rest]`; what it printed.
    fn run(&self, words: &[&str]) -> String {
        let mut command = Command::new(&self.script);
        command.arg(words[0]).arg(self.folder.path()).args(&words[1..]);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        let output = command.stdin(Stdio::null()).output().expect("the script is there");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {words:?}: {said}", self.script.display());
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let mut command = Command::new(&self.script);
        command.arg("kill").arg(self.folder.path()).stdin(Stdio::null());
        drop(command.output()); // a test that fails already says why
    }
}
