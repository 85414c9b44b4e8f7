//! `data-fleet route`: the way from one place to another, as a dispatcher reads it.

mod ask;
mod text;

use std::io::Write;

use anyhow::Result;

use crate::cli::RouteArgs;

pub(crate) fn run(args: &RouteArgs) -> Result<()> {
    let planned = ask::ask(args)?.answer()?;
    let itinerary = &planned.itinerary;
    let text = match (args.json, args.geojson) {
        (true, _) => format!("{}\n", serde_json::to_string_pretty(itinerary)?),
        (_, true) => format!("{:#}\n", planned.geojson()),
        (false, false) if args.turns => text::page(itinerary) + &text::turns(itinerary),
        (false, false) => text::page(itinerary),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
