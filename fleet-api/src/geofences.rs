//! Geofences: documents of the store, and what trucks did at them.
//!
//! A fence is kept as the GeoJSON feature that it came as, with who changed it last; the change and
//! its entry in the audit are one write, and a fence that is taken away leaves its document behind as
//! gone. Events are not stored: they are a function of the reports and the fences, derived when they
//! are asked for, so late reports and changed fences need no repair. What bounds a question is the
//! number of reports that it reads.

use std::collections::BTreeMap;

use fleet_core::{
    Error, Result,
    domain::{FenceId, Fix, TruckId},
    geo::Position,
    geofence::{
        Evidence, Fence, FenceEvent, FenceEventKind, FenceSet, Settings, Tracker, from_geojson,
        to_geojson,
    },
    store::{Document, Watermarks, Write},
    time::Time,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::{Service, guard::Caller, messages::Page, page, rest::Format, service::cut};

const GEOFENCE: &str = "geofence";
/// Fences that there may be.
const FENCES_MAX: usize = 10_000;
/// Documents that are read at once.
const READ_STEP: usize = 1_000;
/// Fences of one import.
const IMPORT_MAX: usize = 1_000;
/// Reports that one question about events may read: a day of 30 trucks, and some.
const REPORTS_MAX: usize = 200_000;
/// Events of one answer.
const EVENTS_MAX: usize = 5_000;
/// How long before the window reports are read, so that it is known where the trucks were, ms.
const LEAD_MS: i64 = 6 * 3_600_000;

/// A geofence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Geofence {
    pub(crate) fence_id: FenceId,
    /// For people.
    pub(crate) name: String,
    /// What it is for, e.g. `depot`, `no_go`.
    pub(crate) kind: Option<String>,
    /// When it was changed last.
    pub(crate) updated_at: Time,
    /// By whom: a key's id, `local`, `anonymous`.
    pub(crate) updated_by: String,
    /// It as a GeoJSON feature: a `Point` with `radius_m`, a `Polygon`, or a `LineString` with `width_m`.
    #[schema(value_type = Object)]
    pub(crate) feature: Value,
}

/// A fence as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    fence: Geofence,
    /// It was taken away.
    is_gone: bool,
}

/// Which events at geofences.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FenceEventsQuestion {
    /// Only of this truck.
    pub(crate) truck_id: Option<TruckId>,
    /// Only at this fence.
    pub(crate) fence_id: Option<FenceId>,
    /// From this time on.
    #[param(required = true, value_type = Time, example = "2026-01-05T00:00:00Z")]
    pub(crate) from: Option<Time>,
    /// Up to, not including, this time.
    pub(crate) to: Option<Time>,
}

/// Events at geofences, and what they were derived from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FenceEvents {
    /// By time.
    pub(crate) events: Vec<FenceEventTold>,
    /// From when on reports were read: before the window, so that it is known where trucks were. They
    /// are read to as long after its end, too: what makes an event certain comes after it.
    pub(crate) read_from: Time,
    /// How many were read.
    pub(crate) reports: usize,
    /// Of how many trucks.
    pub(crate) trucks: usize,
    /// How many fences were asked.
    pub(crate) fences: usize,
}

/// One truck at one fence.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FenceEventTold {
    /// Stays the same while late reports only move an exit.
    pub(crate) event_id: String,
    pub(crate) truck_id: TruckId,
    pub(crate) fence_id: FenceId,
    /// enter, dwell or exit.
    pub(crate) kind: &'static str,
    pub(crate) at: Time,
    pub(crate) position: Position,
    /// When this visit began.
    pub(crate) entered_at: Time,
    /// How the time is known: first_seen, crossed, passed, after_gap or elapsed.
    pub(crate) evidence: &'static str,
    /// The report before it.
    pub(crate) after_report_at: Time,
    /// The report after it.
    pub(crate) before_report_at: Time,
    /// The report that made it certain.
    pub(crate) confirmed_at: Time,
    pub(crate) rule: FenceRule,
}

/// The thresholds by which an event was derived.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FenceRule {
    pub(crate) version: u32,
    /// So far outside a truck had to be to have left, m.
    pub(crate) hysteresis_m: f64,
    /// So many reports in a row had to agree.
    pub(crate) confirm_fixes: u8,
    /// So long it had to be inside to dwell, s.
    pub(crate) dwell_s: Option<u32>,
}

/// The GeoJSON of all these fences.
pub(crate) fn collection(fences: &[Geofence], next_page_token: &str) -> Value {
    let features: Vec<_> = fences.iter().map(|fence| &fence.feature).collect();
    serde_json::json!({
        "type": "FeatureCollection",
        "features": features,
        "next_page_token": next_page_token,
    })
}

/// What a list of fences is asked with.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct GeofencesQuestion {
    /// `json` or `geojson`; as `Accept` says unless given.
    #[param(inline)]
    pub(crate) format: Option<Format>,
    /// 1 or more, of which 500 are taken at most; 50 unless given.
    #[param(minimum = 1, default = 50)]
    pub(crate) page_size: Option<u32>,
    /// From the page before.
    pub(crate) page_token: Option<String>,
}

impl Service {
    /// Every fence that is not gone, by id.
    async fn fences(&self) -> Result<Vec<Geofence>> {
        let (mut fences, mut after) = (Vec::new(), None::<String>);
        loop {
            let store = &self.parts.store;
            let found = store.documents(GEOFENCE, None, after.as_deref(), READ_STEP).await?;
            for document in &found {
                let Stored { fence, is_gone } = read(document)?;
                fences.extend(Some(fence).filter(|_| !is_gone));
            }
            if found.len() < READ_STEP {
                return Ok(fences);
            }
            after = found.last().map(|document| document.id.clone());
        }
    }

    pub(crate) async fn geofences(&self, question: &GeofencesQuestion) -> Result<Page<Geofence>> {
        let size = page::size(question.page_size)?;
        let after: Option<FenceId> = page::after(GEOFENCE, question.page_token.as_deref())?;
        let fences = self.fences().await?.into_iter();
        let later = fences.filter(|f| after.as_ref().is_none_or(|after| f.fence_id > *after));
        let mut items: Vec<Geofence> = later.take(size + 1).collect();
        let next_page_token = cut(&mut items, size, GEOFENCE, |fence| fence.fence_id.clone());
        Ok(Page { items, next_page_token })
    }

    pub(crate) async fn geofence(&self, fence_id: &FenceId) -> Result<Geofence> {
        let found = self.parts.store.documents(GEOFENCE, Some(fence_id.as_str()), None, 1).await?;
        let stored = found.first().map(read).transpose()?.filter(|stored| !stored.is_gone);
        let unknown = || Error::not_found(format!("geofence {fence_id}: not known"));
        stored.map(|stored| stored.fence).ok_or_else(unknown)
    }

    /// Makes or replaces the fence of this id from a GeoJSON feature.
    pub(crate) async fn put_geofence(
        &self,
        caller: &Caller,
        fence_id: &FenceId,
        geojson: &str,
    ) -> Result<Geofence> {
        let mut feature: Value = serde_json::from_str(geojson)
            .map_err(|error| Error::invalid("geojson").with_source(error))?;
        let own = feature.get("id").cloned().unwrap_or(Value::Null);
        if !(own.is_null() || own == fence_id.as_str()) || feature["type"] != "Feature" {
            return Err(Error::invalid(format!(
                "geojson: expected one Feature, without an id or with the id {fence_id}"
            )));
        }
        feature["id"] = fence_id.as_str().into();
        let mut kept = self.keep(caller, from_geojson(&feature.to_string())?).await?;
        kept.pop().ok_or_else(|| Error::internal("a feature is no fence"))
    }

    /// Makes or replaces all fences of a GeoJSON collection, or none.
    pub(crate) async fn import_geofences(
        &self,
        caller: &Caller,
        geojson: &str,
    ) -> Result<Vec<Geofence>> {
        let fences = from_geojson(geojson)?;
        if !(1..=IMPORT_MAX).contains(&fences.len()) {
            let found = fences.len();
            return Err(Error::invalid(format!("features: {found}, expected 1 to {IMPORT_MAX}")));
        }
        self.keep(caller, fences).await
    }

    async fn keep(&self, caller: &Caller, fences: Vec<Fence>) -> Result<Vec<Geofence>> {
        let fences = FenceSet::new(fences)?; // no two of one id, each within its rules
        let mut ids: Vec<FenceId> = self.fences().await?.into_iter().map(|f| f.fence_id).collect();
        ids.extend(fences.fences().iter().map(|fence| fence.id.clone()));
        ids.sort_unstable();
        ids.dedup();
        if ids.len() > FENCES_MAX {
            return Err(Error::invalid(format!("features: there may be {FENCES_MAX} fences")));
        }
        let now = self.parts.clock.now();
        let (mut kept, mut writes) = (Vec::new(), Vec::new());
        for fence in fences.fences() {
            let mut collection: Value =
                serde_json::from_str(&to_geojson(std::slice::from_ref(fence)))
                    .map_err(|error| Error::internal("a fence is no GeoJSON").with_source(error))?;
            let geofence = Geofence {
                fence_id: fence.id.clone(),
                name: fence.name.clone(),
                kind: fence.kind.clone(),
                updated_at: now,
                updated_by: caller.actor().to_owned(),
                feature: collection["features"][0].take(),
            };
            writes.push(document(&Stored { fence: geofence.clone(), is_gone: false }));
            writes.push(self.keys.told(now, caller.actor(), "geofence.put", fence.id.as_str())?);
            kept.push(geofence);
        }
        self.parts.store.write(writes, Watermarks::new()).await?;
        Ok(kept)
    }

    /// Takes a fence away; tells what it was.
    pub(crate) async fn delete_geofence(
        &self,
        caller: &Caller,
        fence_id: &FenceId,
    ) -> Result<Geofence> {
        let fence = self.geofence(fence_id).await?;
        let (now, actor) = (self.parts.clock.now(), caller.actor());
        let told = self.keys.told(now, actor, "geofence.delete", fence_id.as_str())?;
        let gone = Geofence { updated_at: now, updated_by: actor.to_owned(), ..fence.clone() };
        let gone = document(&Stored { fence: gone, is_gone: true });
        self.parts.store.write(vec![gone, told], Watermarks::new()).await?;
        Ok(fence)
    }

    pub(crate) async fn fence_events(&self, question: &FenceEventsQuestion) -> Result<FenceEvents> {
        let FenceEventsQuestion { truck_id, fence_id, from, to } = question;
        let Some(from) = *from else { return Err(Error::invalid("from: expected")) };
        page::window(Some(from), *to)?;
        let to = to.unwrap_or(Time::MAX);
        let fences = match fence_id {
            Some(fence_id) => vec![self.geofence(fence_id).await?],
            None => self.fences().await?,
        };
        let fences = FenceSet::new(fences.iter().map(fence).collect::<Result<_>>()?)?;
        let trucks: Vec<TruckId> = match truck_id {
            Some(truck_id) => vec![self.truck(truck_id).await?.truck_id],
            None => {
                let latest = self.parts.store.latest(None).await?;
                latest.into_iter().map(|stored| stored.event.truck_id).collect()
            }
        };
        // Where trucks were before must be known, and what makes an event certain comes after it.
        let read_from = from.plus_ms(-LEAD_MS).max(Time::MIN);
        let read_to = to.plus_ms(LEAD_MS).min(Time::MAX);
        let (mut reports, mut events) = (0, BTreeMap::new());
        for truck_id in &trucks {
            let mut fixes = Vec::new();
            let left = REPORTS_MAX - reports;
            let take = |event| fixes.push(Fix::from(&event));
            if !self.each_report(truck_id, (read_from, read_to), left, take).await? {
                return Err(Error::invalid(format!(
                    "from, to: more than {REPORTS_MAX} reports: ask for a shorter time or one truck"
                )));
            }
            reports += fixes.len();
            let (_, found) = Tracker::rebuild(Settings::default(), &fences, fixes)?;
            let is_asked = |event: &&FenceEvent| (from..to).contains(&event.at);
            for (at, event) in (0..).zip(found.iter().filter(is_asked)) {
                // By time, then by truck, then as the truck's own order says.
                events.insert((event.at, truck_id, at), told(truck_id, event));
            }
            if events.len() > EVENTS_MAX {
                return Err(Error::invalid(format!(
                    "from, to: more than {EVENTS_MAX} events: ask for a shorter time or one truck"
                )));
            }
        }
        Ok(FenceEvents {
            events: events.into_values().collect(),
            read_from,
            reports,
            trucks: trucks.len(),
            fences: fences.fences().len(),
        })
    }
}

fn told(truck_id: &TruckId, event: &FenceEvent) -> FenceEventTold {
    FenceEventTold {
        event_id: event.id(),
        truck_id: truck_id.clone(),
        fence_id: event.fence_id.clone(),
        kind: match event.kind {
            FenceEventKind::Enter => "enter",
            FenceEventKind::Dwell => "dwell",
            FenceEventKind::Exit => "exit",
        },
        at: event.at,
        position: event.position,
        entered_at: event.entered_at,
        evidence: match event.evidence {
            Evidence::FirstSeen => "first_seen",
            Evidence::Crossed => "crossed",
            Evidence::Passed => "passed",
            Evidence::AfterGap => "after_gap",
            Evidence::Elapsed => "elapsed",
        },
        after_report_at: event.between.0.at,
        before_report_at: event.between.1.at,
        confirmed_at: event.confirmed_by.at,
        rule: FenceRule {
            version: event.rule.version,
            hysteresis_m: event.rule.hysteresis_m,
            confirm_fixes: event.rule.confirm_fixes,
            dwell_s: event.rule.dwell_s,
        },
    }
}

fn fence(stored: &Geofence) -> Result<Fence> {
    let damaged = || Error::corrupt(format!("document {GEOFENCE}/{}", stored.fence_id));
    let found = from_geojson(&stored.feature.to_string()).map_err(|e| damaged().with_source(e))?;
    found.into_iter().next().ok_or_else(damaged)
}

fn document(stored: &Stored) -> Write {
    let body = serde_json::to_string(stored).expect("texts, times and numbers are JSON");
    let id = stored.fence.fence_id.to_string();
    Write::Document(Document { kind: GEOFENCE.to_owned(), id, body })
}

fn read(found: &Document) -> Result<Stored> {
    serde_json::from_str(&found.body).map_err(|error| {
        Error::corrupt(format!("document {GEOFENCE}/{}", found.id)).with_source(error)
    })
}
