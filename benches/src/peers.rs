//! The peers' programs in `peers/`.

use std::{path::PathBuf, process::Command};

use anyhow::Result;
use serde_json::Value;

use crate::{Options, process};

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

/// Runs a peer once; it prints one JSON object.
pub(crate) fn run(options: &Options, name: &str, args: &[&str]) -> Result<Value> {
    let mut command = Command::new(&options.python);
    command.arg(script(name)).arg(&options.scratch).args(args);
    Ok(serde_json::from_str(&process::output(&mut command)?)?)
}

/// FastAPI with 30 trucks, one worker.
pub(crate) fn fastapi(options: &Options, port: u16) -> Command {
    let mut command = Command::new(&options.python);
    command.args(["-m", "uvicorn", "fastapi_app:app", "--log-level", "warning", "--no-access-log"]);
    command.arg("--app-dir").arg(script("")).arg("--port").arg(port.to_string());
    command
}
