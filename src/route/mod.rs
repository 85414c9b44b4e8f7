//! `data-fleet route`: the way from one place to another, as a dispatcher reads it.

mod answer;
mod ask;
mod geojson;
mod teller;
mod text;
mod ways;

use std::io::Write;

use anyhow::Result;

use crate::cli::RouteArgs;

pub(crate) fn run(args: &RouteArgs) -> Result<()> {
    let question = ask::ask(args)?;
    let answer = answer::answer(&question)?;
    let text = match (args.json, args.geojson) {
        (true, _) => format!("{}\n", serde_json::to_string_pretty(&answer.told)?),
        (_, true) => format!("{:#}\n", geojson::features(&answer)),
        (false, false) if args.turns => text::page(&answer.told) + &text::turns(&answer.told),
        (false, false) => text::page(&answer.told),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
