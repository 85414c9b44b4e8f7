//! The one-URL form of phone trackers (OsmAnd, Traccar Client): `?id=…&lat=…&lon=…&timestamp=…`.
//!
//! Names and units are those of Traccar's `OsmAndProtocolDecoder`, which phones are made for: a speed
//! is in knots, an odometer in metres, a time in seconds or milliseconds. What has no field in the
//! contract (battery, accuracy, cells) stays beside the record in the log, as its header `report`.

use std::borrow::Cow;

use fleet_core::{
    Error, Result,
    domain::{Signals, Status, TelemetryEvent},
    geo::Position,
    time::Time,
};

use super::{Report, derived_status, identified};

/// The longest report, bytes.
pub(crate) const REPORT_BYTES_MAX: usize = 8 << 10;
/// The most parameters in a report.
const PARAMETERS_MAX: usize = 64;
const KMH_PER_KNOT: f64 = 1.852;
/// Below it a `timestamp` is in seconds, from it on in milliseconds.
const SECONDS_MAX: i64 = 0x7FFF_FFFF;
/// Parameters that are nobody's business but the sender's.
const SECRETS: [&str; 2] = ["key", "notificationToken"];

/// What a phone sent, parameter by parameter.
#[derive(Debug)]
pub(crate) struct Sent<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    text: String,
}

/// The API key in a query, if there is one.
pub(crate) fn key(query: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == "key").map(|(_, value)| value.into_owned())
}

impl<'a> Sent<'a> {
    /// What is in a query, or in a body if the query holds nothing but the key.
    ///
    /// # Errors
    /// `Invalid` if it is too much.
    pub(crate) fn new(query: &'a str, body: &'a str) -> Result<Self> {
        let read = |text: &'a str| {
            let pairs = form_urlencoded::parse(text.as_bytes()).take(PARAMETERS_MAX + 1);
            pairs.filter(|(name, _)| !SECRETS.contains(&&**name)).collect::<Vec<_>>()
        };
        let (in_query, in_body) = (read(query), read(body));
        let pairs = if in_query.is_empty() { in_body } else { in_query };
        let mut text = form_urlencoded::Serializer::new(String::new());
        let text = text.extend_pairs(&pairs).finish();
        if pairs.len() > PARAMETERS_MAX || text.len() > REPORT_BYTES_MAX {
            return Err(Error::invalid(format!(
                "the report has more than {PARAMETERS_MAX} parameters or {REPORT_BYTES_MAX} bytes"
            )));
        }
        Ok(Self { pairs, text })
    }

    /// The same as text, without secrets.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Who it says that it is of: `id` or `deviceid`; empty if it does not say.
    pub(crate) fn device(&self) -> &str {
        self.find("id").or_else(|| self.find("deviceid")).unwrap_or_default()
    }

    /// Whether it tells when it was measured.
    pub(crate) fn is_dated(&self) -> bool {
        self.find("timestamp").is_some()
    }

    /// The last of a name, as the reference reads it; none if it is empty.
    fn find(&self, wanted: &str) -> Option<&str> {
        let mut values = self.pairs.iter().rev().filter(|(name, _)| name == wanted);
        values.next().map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    fn number(&self, name: &str) -> Result<Option<f64>> {
        let Some(text) = self.find(name) else { return Ok(None) };
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            Ok(_) => Ok(None), // "NaN" is how some say that they do not know
            Err(_) => Err(Error::invalid(format!("{name}: {text:?} is no number"))),
        }
    }

    /// A number that is told as negative when it is not known.
    fn known(&self, name: &str) -> Result<Option<f64>> {
        Ok(self.number(name)?.filter(|number| *number >= 0.0))
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.find(name).map(|text| text.eq_ignore_ascii_case("true") || text == "1")
    }

    /// The event that it is. One without a time was measured `now`.
    ///
    /// # Errors
    /// `Invalid`, by the name of the parameter.
    pub(crate) fn event(&self, now: Time) -> Report {
        if self.device().is_empty() {
            return Err(Error::invalid("id: missing"));
        }
        if self.flag("valid") == Some(false) {
            return Err(Error::invalid("valid: the sender says that it does not know where it is"));
        }
        let signals = self.signals()?;
        identified(TelemetryEvent {
            truck_id: self.device().parse()?,
            seq: 0,
            source_id: None,
            event_time: self.find("timestamp").map_or(Ok(now), time)?,
            position: self.position()?,
            status: match self.flag("motion") {
                Some(true) => Status::EnRoute,
                Some(false) => Status::Idle,
                None => derived_status(&signals),
            },
            signals,
            trip_id: None,
            driver_id: self.find("driverUniqueId").map(str::parse).transpose()?,
            road_class: None,
            zone: None,
            refuelling: None,
        })
    }

    fn position(&self) -> Result<Position> {
        if let Some(text) = self.find("location") {
            let bad = || Error::invalid(format!("location: {text:?}, expected latitude,longitude"));
            let (lat, lon) = text.split_once(',').ok_or_else(bad)?;
            let degrees = |text: &str| text.trim().parse().map_err(|_| bad());
            return Position::new(degrees(lat)?, degrees(lon)?);
        }
        let degrees = |name: &str| {
            self.number(name)?.ok_or_else(|| Error::invalid(format!("{name}: missing")))
        };
        Position::new(degrees("lat")?, degrees("lon")?)
    }

    fn signals(&self) -> Result<Signals> {
        let knots = self.known("speed")?;
        let heading = match self.known("bearing")? {
            None => self.known("heading")?,
            bearing => bearing,
        };
        let odometer_m = match self.known("odometer")? {
            None => self.known("obdOdometer")?,
            odometer => odometer,
        };
        Ok(Signals {
            altitude_m: self.number("altitude")?,
            heading_deg: heading,
            speed_kmh: match knots {
                Some(knots) => Some(knots * KMH_PER_KNOT),
                None => self.known("obdSpeed")?,
            },
            fuel_l: self.number("fuel")?,
            fuel_pct: self.number("fuelLevel")?,
            coolant_c: self.number("coolantTemp")?,
            engine_rpm: self.number("rpm")?,
            odometer_km: odometer_m.map(|m| m / 1_000.0),
            ..Signals::default()
        })
    }
}

/// Seconds or milliseconds since 1970, ISO 8601, or date and time of day, which we read as UTC.
fn time(text: &str) -> Result<Time> {
    if let Ok(number) = text.parse::<i64>() {
        let ms = if number < SECONDS_MAX { number.saturating_mul(1_000) } else { number };
        return Time::from_ms(ms).check("timestamp");
    }
    let bad = |_| {
        Error::invalid(format!(
            "timestamp: {text:?}, expected seconds or ms since 1970, ISO 8601 or \
             yyyy-MM-dd HH:mm:ss (UTC)"
        ))
    };
    let is_zoned = |time: &str| time.ends_with(['Z', 'z']) || time.contains(['+', '-']);
    match text.split_once(['T', ' ']) {
        Some((_, time)) if is_zoned(time) => text.parse().map_err(bad),
        _ => format!("{}Z", text.replacen(' ', "T", 1)).parse().map_err(bad),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_ms(1_767_571_300_000);

    fn read(query: &str) -> Report {
        Sent::new(query, "")?.event(NOW)
    }

    #[test]
    fn a_report_is_read_in_the_units_of_phones() {
        let event = read(
            "id=PHONE-7&lat=26.18&lon=91.75&timestamp=1767571200&speed=21.6&bearing=90.5\
             &altitude=55&hdop=0.9&batt=81&fuel=120.5&fuelLevel=60&rpm=1450&coolantTemp=88\
             &odometer=12345678&driverUniqueId=DRV-7&valid=true",
        );
        let event = event.expect("read");
        assert_eq!(event.truck_id.as_str(), "PHONE-7");
        assert_eq!(event.event_time.to_string(), "2026-01-05T00:00:00.000Z");
        assert_eq!(event.position, Position::new(26.18, 91.75).expect("a place"));
        let s = &event.signals;
        assert!((s.speed_kmh.expect("a speed") - 40.003_2).abs() < 1e-9, "{s:?}");
        assert_eq!((s.heading_deg, s.altitude_m), (Some(90.5), Some(55.0)));
        assert_eq!((s.fuel_l, s.fuel_pct), (Some(120.5), Some(60.0)));
        assert_eq!((s.engine_rpm, s.coolant_c), (Some(1_450.0), Some(88.0)));
        assert_eq!(s.odometer_km, Some(12_345.678));
        assert_eq!(event.status, Status::EnRoute);
        assert_eq!(event.driver_id, Some("DRV-7".parse().expect("an id")));
        assert_eq!(event.seq, 0);
        assert_eq!(event.source_id.expect("by its content").len(), 16);
    }

    #[test]
    fn a_time_is_read_in_all_the_ways_that_phones_write_it() {
        for text in [
            "1767571200",
            "1767571200000",
            "2026-01-05T00:00:00Z",
            "2026-01-05T05:30:00%2B05:30",
            "2026-01-05T00:00:00",
            "2026-01-05+00:00:00",
            "2026-01-05%2000:00:00",
        ] {
            let event = read(&format!("id=A&lat=1&lon=2&timestamp={text}")).expect(text);
            assert_eq!(event.event_time.as_ms(), 1_767_571_200_000, "{text}");
        }
        assert_eq!(read("id=A&lat=1&lon=2").expect("undated").event_time, NOW);
        for text in ["soon", "0", "-5", "2026-01-05", "T", "99999999999999999"] {
            let told = read(&format!("id=A&lat=1&lon=2&timestamp={text}")).expect_err(text);
            assert!(told.to_string().contains("timestamp"), "{told}");
        }
    }

    #[test]
    fn what_is_not_known_is_no_reading_and_never_a_number() {
        let event = read("deviceid=A&location=1.5,-2.5&speed=-1&bearing=NaN&heading=&altitude=NaN");
        let event = event.expect("read");
        assert_eq!(event.signals, Signals::default());
        assert_eq!(event.position, Position::new(1.5, -2.5).expect("a place"));
        assert_eq!(event.status, Status::Idle);
        assert_eq!(read("id=A&lat=1&lon=2&motion=1").expect("read").status, Status::EnRoute);
        assert_eq!(
            read("id=A&lat=1&lon=2&obdSpeed=50").expect("read").signals.speed_kmh,
            Some(50.0)
        );
    }

    #[test]
    fn a_fault_is_told_by_its_parameter() {
        for (query, name) in [
            ("lat=1&lon=2", "id"),
            ("id=&lat=1&lon=2", "id"),
            ("id=a+b&lat=1&lon=2", "truck_id"),
            ("id=A&lon=2", "lat"),
            ("id=A&lat=NaN&lon=2", "lat"),
            ("id=A&lat=91&lon=2", "lat"),
            ("id=A&location=1", "location"),
            ("id=A&location=1,x", "location"),
            ("id=A&lat=1&lon=2&speed=fast", "speed"),
            ("id=A&lat=1&lon=2&speed=900", "speed_kmh"),
            ("id=A&lat=1&lon=2&valid=0", "valid"),
            ("id=A&lat=1&lon=2&driverUniqueId=a/b", "driver_id"),
        ] {
            let told = read(query).expect_err(query).to_string();
            assert!(
                told.starts_with(name) || told.contains(&format!(" {name}")),
                "{query}: {told}"
            );
        }
        assert!(Sent::new(&"a=1&".repeat(65), "").is_err());
        assert!(Sent::new("", &format!("a={}", "x".repeat(REPORT_BYTES_MAX))).is_err());
    }

    #[test]
    fn secrets_are_left_out_and_the_body_counts_where_the_query_says_nothing() {
        let sent = Sent::new("key=df_live_x&notificationToken=t", "id=A&lat=1&lon=2&key=y");
        let sent = sent.expect("read");
        assert_eq!(sent.text(), "id=A&lat=1&lon=2");
        assert_eq!(key("id=A&key=df_live_x").as_deref(), Some("df_live_x"));
        let sent = Sent::new("id=B&lat=1", "id=A&lat=1&lon=2").expect("read");
        assert_eq!((sent.device(), sent.text()), ("B", "id=B&lat=1"));
    }

    #[test]
    fn the_same_report_has_one_identity_and_another_one_another() {
        let of = |query: &str| read(query).expect(query).id();
        let first = of("id=A&lat=1&lon=2&timestamp=1767571200");
        assert_eq!(first, of("timestamp=1767571200000&lon=2.0&lat=1&id=A&batt=3"));
        assert_ne!(first, of("id=A&lat=1&lon=2.000001&timestamp=1767571200"));
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_sent_is_refused_or_sound(
            name in "(id|deviceid|lat|lon|location|timestamp|speed|bearing|valid|fuel|\\PC{0,5})",
            value in "(\\PC{0,20}|-?[0-9]{0,20}(\\.[0-9]{0,5})?|[0-9T: +-]{0,25}|[0-9.,-]{0,12})",
        ) {
            let mut query = form_urlencoded::Serializer::new("id=A&lat=1&lon=2&timestamp=1767571200".to_owned());
            let query = query.append_pair(&name, &value).finish();
            let sent = Sent::new(&query, "").expect("short");
            if let Ok(event) = sent.event(NOW) {
                event.validate().expect("sound");
                assert_eq!(event.id(), sent.event(NOW).expect("again").id());
            }
        }
    }
}
