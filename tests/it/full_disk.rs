//! No room left: the program says so and what to do, stops when told to, and has lost nothing.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::JoinHandle,
};

use crate::program::{Scratch, command, dump, fail, run_flags, succeed, text};

const UNTIL: &str = "2026-01-05T06:00:00Z";

/// A program under way, whose words are read to the end.
struct Told {
    child: Child,
    rest: JoinHandle<String>,
}

/// Starts it and waits until it says `sentence`.
fn until_it_says(mut command: Command, sentence: &str) -> Told {
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains(sentence) {
        if stderr.read_line(&mut said).unwrap() == 0 {
            child.wait().unwrap();
            panic!("it ended without saying {sentence:?}: {said}");
        }
    }
    let rest = std::thread::spawn(move || {
        stderr.read_to_string(&mut said).unwrap();
        said
    });
    Told { child, rest }
}

impl Told {
    /// Its end: whether it succeeded, and all that it said.
    fn end(mut self) -> (bool, String) {
        let status = self.child.wait().unwrap();
        let said = self.rest.join().unwrap();
        assert!(!said.contains("panicked"), "{said}");
        (status.success(), said)
    }

    fn terminate(self) -> (bool, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.end()
    }
}

fn undisturbed(dir: &Path) -> [String; 3] {
    succeed(&run_flags(dir, UNTIL, &[]));
    dump(dir)
}

#[test]
fn files_that_may_not_grow_are_told_a_stop_is_heard_and_the_next_start_makes_up_for_it() {
    let scratch = Scratch::new();
    let dir = scratch.path("data");
    // No file above 1 MiB (2,048 × 512 bytes), as on a disk that refuses; without the signal.
    let limit = "trap '' XFSZ; ulimit -f 2048; exec \"$@\"";
    let mut limited = Command::new("bash");
    let program = command(&[]);
    limited.args(["-c", limit, "bash"]).arg(program.get_program());
    limited.args(run_flags(&dir, UNTIL, &[])).stdin(Stdio::null()).stdout(Stdio::null());
    // The store may meet the limit first; a stop is in order until the log has met it, too.
    let told = until_it_says(limited, "not possible now");
    let (is_success, said) = told.terminate();
    assert!(said.contains("look at its quota"), "{said}");
    assert!(!is_success, "it claims to have stopped in order: {said}");
    assert!(said.contains("nothing acknowledged is lost"), "{said}");
    assert!(undisturbed(&dir) == undisturbed(&scratch.path("calm")));
}

/// A file system in memory, of a size; gone when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` if this process may not mount.
    fn new(dir: PathBuf, size: &str) -> Option<Self> {
        fs::create_dir(&dir).unwrap();
        let options = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs", text(&dir)]).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then_some(Self(dir))
    }

    fn resize(&self, size: &str) {
        let options = format!("remount,size={size}");
        let status = Command::new("mount").args(["-o", &options, text(&self.0)]).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(&self.0).status());
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a skip is told")]
fn a_full_disk_is_told_and_work_goes_on_once_there_is_room() {
    let scratch = Scratch::new();
    let Some(disk) = SmallDisk::new(scratch.path("disk"), "3m") else {
        eprintln!("skipped: this process may not mount a small disk");
        return;
    };
    let dir = disk.0.join("data");
    let told = until_it_says(command(&run_flags(&dir, UNTIL, &[])), "the disk is full; free some");
    disk.resize("256m");
    let (is_success, said) = told.end();
    assert!(is_success, "{said}");
    assert!(dump(&dir) == undisturbed(&scratch.path("calm")));

    // No room even to begin.
    let tiny = SmallDisk::new(scratch.path("tiny"), "16k").unwrap();
    let said = fail(&run_flags(&tiny.0.join("data"), UNTIL, &[]));
    assert!(said.contains("the disk is full; free some space"), "{said}");
}
