//! The door of both faces: who asks, whether they may, and whether they have tokens left.
//!
//! A key that is presented is always checked, whatever the setting says about requests without one.
//! Limits come after the key and before the handler, so nothing of the body is read for a request
//! that is turned away. What is not an [`Operation`] (probes, metrics, pages) is open to all.

use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use fleet_core::{Error, Result, domain::TruckId, ratelimit::Verdict};
use tonic::Status;

use crate::{
    Service,
    accept::Peer,
    grpc,
    ingest::osmand,
    keys::{Class, Key, Quotas, Scope},
    limits::{OnUnavailable, Taken},
    operations::{self, Operation},
    problem::Problem,
    slo::SloSettings,
};

/// What requests without a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Everything but keys and audit: for loopback.
    Open,
    /// What a viewer may.
    PublicRead,
    /// Nothing.
    Required,
}

impl FromStr for Auth {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "open" => Ok(Self::Open),
            "public-read" => Ok(Self::PublicRead),
            "required" => Ok(Self::Required),
            _ => Err(Error::invalid("expected open, public-read or required")),
        }
    }
}

impl fmt::Display for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::PublicRead => "public-read",
            Self::Required => "required",
        })
    }
}

/// How the API treats those who ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What requests without a key may do.
    pub auth: Auth,
    /// Whether requests without a key are limited, by address. Those with one always are.
    pub limit_addresses: bool,
    /// Limits that differ from the defaults; a key's own go before them.
    pub quotas: Quotas,
    /// What holds while the limiter does not answer.
    pub on_unavailable: OnUnavailable,
    /// Addresses whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Sites whose pages may ask from a browser, like `https://fleet.example`; none unless told.
    pub cors_origins: Vec<HeaderValue>,
    /// What is asked of the service levels.
    pub slo: SloSettings,
}

impl Settings {
    /// For loopback: no keys needed, and only those who present one are limited.
    pub fn open() -> Self {
        Self {
            auth: Auth::Open,
            limit_addresses: false,
            quotas: Quotas::default(),
            on_unavailable: OnUnavailable::FailOpenLocal,
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            slo: SloSettings::default(),
        }
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    Anonymous,
    /// A command on this machine, which may read and write the data directory.
    Local,
    Key(Arc<Key>),
}

impl Caller {
    /// What the audit calls it.
    pub(crate) fn actor(&self) -> &str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Local => "local",
            Self::Key(key) => &key.key_id,
        }
    }

    /// Whether it may do this; if not, whether a key would help or another one is needed.
    fn check(&self, scope: Scope, auth: Auth) -> Result<(), Problem> {
        let is_allowed = match self {
            Self::Local => true,
            Self::Key(key) => key.scopes.contains(&scope),
            Self::Anonymous => anonymous(auth).contains(&scope),
        };
        match self {
            _ if is_allowed => Ok(()),
            Self::Anonymous => Err(Problem::unauthenticated("an API key is needed")),
            Self::Key(_) | Self::Local => Err(Problem::forbidden(scope)),
        }
    }

    /// Refuses telemetry of a truck that its key is not bound to: to know an id is not enough.
    ///
    /// # Errors
    /// `forbidden`.
    pub(crate) fn may_write_for(&self, truck_id: &TruckId) -> Result<(), Problem> {
        match self {
            Self::Key(key) if !key.trucks.is_empty() && !key.trucks.contains(truck_id) => {
                let problem = Problem::forbidden(Scope::TelemetryWrite);
                Err(problem.with_detail(format!("the key is not bound to truck {truck_id}")))
            }
            Self::Anonymous | Self::Local | Self::Key(_) => Ok(()),
        }
    }
}

/// Who pays for what a request turns out to cost once its body is read.
#[derive(Clone, Debug)]
pub(crate) struct Payer {
    pub(crate) caller: Caller,
    address: Arc<str>,
    /// What was taken last of each policy.
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl Payer {
    fn new(caller: Caller, address: &str) -> Self {
        Self { caller, address: address.into(), taken: Arc::default() }
    }

    fn note(&self, taken: Taken) {
        let mut all = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| other.policy.name() != taken.policy.name());
        all.push(taken);
    }

    fn noted(&self) -> Vec<Taken> {
        std::mem::take(&mut *self.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Service {
    /// Takes these tokens, or none, and says which wait is enough. A cost of 0 costs nothing.
    pub(crate) async fn pay(&self, payer: &Payer, class: Class, cost: u32) -> Result<(), Problem> {
        if cost == 0 {
            return Ok(());
        }
        let (taken, outcome) = match limit(self, &payer.caller, &payer.address, class, cost).await {
            Ok(taken) => (taken, Ok(())),
            Err((problem, taken)) => (taken, Err(problem)),
        };
        taken.into_iter().for_each(|taken| payer.note(taken));
        outcome
    }

    /// Whether so many tokens could be taken now.
    pub(crate) async fn could_pay(
        &self,
        payer: &Payer,
        class: Class,
        cost: u32,
    ) -> Result<bool, Problem> {
        let peeked = limit(self, &payer.caller, &payer.address, class, 0).await;
        let taken = peeked.map_err(|(problem, _)| problem)?;
        let left = taken.and_then(|taken| taken.decision).map(|decision| decision.remaining());
        Ok(left.is_none_or(|left| left >= cost))
    }

    /// Whether the caller still may do what it was let in for: a stream outlives a revocation.
    pub(crate) async fn still_counts(&self, caller: &Caller) -> Result<(), Problem> {
        let Caller::Key(key) = caller else { return Ok(()) };
        match self.keys.still_counts(&key.key_id).await? {
            true => Ok(()),
            false => Err(Problem::unauthenticated("the API key does not count")),
        }
    }
}

fn anonymous(auth: Auth) -> BTreeSet<Scope> {
    match auth {
        Auth::Open => {
            let is_open = |scope: &Scope| !matches!(scope, Scope::KeysAdmin | Scope::AuditRead);
            Scope::ALL.into_iter().filter(is_open).collect()
        }
        Auth::PublicRead => Scope::viewer(),
        Auth::Required => BTreeSet::new(),
    }
}

/// In which words a refusal is told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tongue {
    Rest,
    Grpc,
}

/// Lets a request through to its handler, with its [`Caller`], or says why not.
pub(crate) async fn guard(
    State((service, tongue)): State<(Arc<Service>, Tongue)>,
    mut request: Request,
    next: Next,
) -> Response {
    let operation = match (tongue, request.extensions().get::<MatchedPath>()) {
        (Tongue::Grpc, _) => operations::by_call(request.uri().path()),
        (Tongue::Rest, Some(path)) => operations::by_route(request.method(), path.as_str()),
        (Tongue::Rest, None) => None,
    };
    let Some(operation) = operation else { return next.run(request).await };
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let address = client(peer, request.headers(), &service.settings.trusted_proxies);
    let presented = (request.headers(), request.uri().query());
    let admitted = admit(&service, operation, presented, &address).await;
    let (mut response, taken) = match admitted {
        Ok((caller, taken)) => {
            let payer = Payer::new(caller.clone(), &address);
            taken.into_iter().for_each(|taken| payer.note(taken));
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(payer.clone());
            let within = deadline(tongue, request.headers());
            let answer = answered(&service, operation, tongue, next.run(request));
            let mut response = match tokio::time::timeout(within, answer).await {
                Ok(response) => response,
                Err(_late) => late(&service, operation),
            };
            let status = response.status();
            let is_content = status.is_success() || status == StatusCode::NOT_MODIFIED;
            if let (Tongue::Rest, true) = (tongue, is_content) {
                keep(response.headers_mut(), operation, &payer.caller, service.settings.auth);
            }
            (response, payer.noted())
        }
        Err((problem, taken)) => {
            (refusal(&service, operation, tongue, problem), taken.into_iter().collect())
        }
    };
    let (policies, limits): (Vec<_>, Vec<_>) = taken.iter().filter_map(Taken::headers).unzip();
    for (name, values) in [("ratelimit-policy", policies), ("ratelimit", limits)] {
        if !values.is_empty() {
            let value = HeaderValue::from_str(&values.join(", ")).expect("names and digits");
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// Answers, unless so many are being answered that one more would only make all late.
async fn answered(
    service: &Service,
    operation: &Operation,
    tongue: Tongue,
    answer: impl Future<Output = Response>,
) -> Response {
    let Ok(_place) = service.places.try_acquire() else {
        let full = Problem::of_status(StatusCode::SERVICE_UNAVAILABLE);
        let full = full.with_detail("as many requests are being answered as can be at once");
        return refusal(service, operation, tongue, full);
    };
    answer.await
}

/// How long a caller of gRPC waits, as it says itself (`grpc-timeout`); beyond that nobody listens.
fn deadline(tongue: Tongue, headers: &HeaderMap) -> Duration {
    let said = headers.get("grpc-timeout").and_then(|value| value.to_str().ok());
    let parsed = said.and_then(|text| {
        let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let amount = (digits.len() <= 8).then(|| digits.parse::<u64>().ok())??;
        Some(match unit {
            "H" => Duration::from_secs(amount * 3_600),
            "M" => Duration::from_secs(amount * 60),
            "S" => Duration::from_secs(amount),
            "m" => Duration::from_millis(amount),
            "u" => Duration::from_micros(amount),
            "n" => Duration::from_nanos(amount),
            _ => return None,
        })
    });
    match (tongue, parsed) {
        (Tongue::Grpc, Some(within)) => within,
        (Tongue::Grpc | Tongue::Rest, _) => Duration::MAX,
    }
}

/// The caller has given up: that is no failure of ours.
fn late(service: &Service, operation: &Operation) -> Response {
    service.metrics.calls.with_label_values(&[operation.call, "DeadlineExceeded"]).inc();
    Status::deadline_exceeded("the caller's own deadline is over").into_http()
}

/// Says who may keep the answer: of what anybody may read, a cache at the edge, for a moment.
fn keep(headers: &mut HeaderMap, operation: &Operation, caller: &Caller, auth: Auth) {
    const MOMENT: HeaderValue =
        HeaderValue::from_static("public, max-age=2, stale-while-revalidate=10");
    const OWN: HeaderValue = HeaderValue::from_static("private, no-cache");
    let is_secret = matches!(operation.scope, Scope::KeysAdmin | Scope::AuditRead);
    if operation.class != Class::Read || operation.route.0 != "GET" || is_secret {
        return; // nobody
    }
    let kept = match (caller, auth) {
        (Caller::Anonymous, Auth::PublicRead) => MOMENT,
        (Caller::Anonymous | Caller::Local | Caller::Key(_), _) => OWN,
    };
    headers.entry(header::CACHE_CONTROL).or_insert(kept);
    headers.append(header::VARY, HeaderValue::from_static("authorization"));
}

fn refusal(service: &Service, operation: &Operation, tongue: Tongue, problem: Problem) -> Response {
    match tongue {
        Tongue::Rest => problem.into_response(),
        Tongue::Grpc => {
            let status = Status::from(problem);
            let code = format!("{:?}", status.code());
            service.metrics.calls.with_label_values(&[operation.call, &code]).inc();
            service.watch.answered(grpc::is_failure(status.code()), 0.0);
            status.into_http()
        }
    }
}

type Turned = (Problem, Option<Taken>);

async fn admit(
    service: &Service,
    operation: &Operation,
    (headers, query): (&HeaderMap, Option<&str>),
    address: &str,
) -> Result<(Caller, Option<Taken>), Turned> {
    let in_url = query.filter(|_| operation.is_key_in_url);
    let caller = match identify(service, headers, in_url).await {
        Ok(caller) => caller,
        Err(problem) if problem.is_server_error() => return Err((problem, None)),
        Err(problem) => {
            // Guessing costs tokens, too.
            let taken = limit(service, &Caller::Anonymous, address, Class::Auth, 1).await?;
            return Err((problem, taken));
        }
    };
    if let Err(problem) = caller.check(operation.scope, service.settings.auth) {
        service.metrics.auth_failures.with_label_values(&["scope"]).inc();
        let taken = limit(service, &caller, address, operation.class, operation.cost).await?;
        let is_admin = matches!(operation.scope, Scope::KeysAdmin | Scope::AuditRead);
        if let (Caller::Key(key), true) = (&caller, is_admin) {
            let told = service.keys.tell(&key.key_id, operation.call, "", "refused").await;
            told.map_err(|error| (Problem::from(error), None))?;
        }
        return Err((problem, taken));
    }
    let taken = limit(service, &caller, address, operation.class, operation.cost).await?;
    Ok((caller, taken))
}

/// Who asks, by the key that is presented: in its header, or where that is allowed in the URL.
async fn identify(
    service: &Service,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Result<Caller, Problem> {
    let mut presented = headers.get_all(header::AUTHORIZATION).iter();
    let in_url = query.and_then(osmand::key);
    let text = match (presented.next(), &in_url) {
        (None, None) => return Ok(Caller::Anonymous),
        (None, Some(text)) => Some(&**text),
        (Some(_), Some(_)) => None, // two keys are one too many
        (Some(value), None) => value.to_str().ok().and_then(|value| {
            let (scheme, text) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| text.trim())
        }),
    };
    let text = text.filter(|_| presented.next().is_none()).unwrap_or_default();
    if service.is_local_key(text) {
        return Ok(Caller::Local);
    }
    match service.keys.authenticate(text).await? {
        Ok(key) => Ok(Caller::Key(Arc::new(key))),
        Err(void) => {
            service.metrics.auth_failures.with_label_values(&[void.as_str()]).inc();
            Err(Problem::unauthenticated("the API key does not count"))
        }
    }
}

/// Takes the tokens that a request costs. `None` if this caller is not limited.
async fn limit(
    service: &Service,
    caller: &Caller,
    address: &str,
    class: Class,
    cost: u32,
) -> Result<Option<Taken>, Turned> {
    let settings = &service.settings;
    let nothing = Quotas::default();
    let (key, quotas, class) = match caller {
        Caller::Local => return Ok(None),
        Caller::Anonymous if !settings.limit_addresses => return Ok(None),
        // Who may read without a key reads by the bundled pages, more often than a program should.
        Caller::Anonymous if settings.auth == Auth::PublicRead && class == Class::Read => {
            (address, &nothing, Class::Ui)
        }
        Caller::Anonymous => (address, &nothing, class),
        Caller::Key(key) => (&*key.key_id, &key.quotas, class),
    };
    let policy = quotas.policy(class, &settings.quotas);
    let taken = service.limiter.take(key, policy, cost).await.map_err(|problem| (problem, None))?;
    let problem = match taken.decision.as_ref().map(fleet_core::ratelimit::Decision::verdict) {
        None | Some(Verdict::Granted) => return Ok(Some(taken)),
        Some(Verdict::Denied { retry_after_us }) => {
            Problem::exceeded(taken.policy.name(), retry_after_us)
        }
        Some(Verdict::Impossible) => Problem::from(Error::invalid(format!(
            "the request costs {cost} tokens, and the limit {} never has more than {}",
            taken.policy.name(),
            taken.policy.quota().capacity()
        ))),
    };
    Err((problem, Some(taken)))
}

/// The client's address as the limiter knows it: of IPv6 the first 64 bits, which one household has.
/// Beyond trusted proxies it is the last one that they name and do not trust.
fn client(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[IpAddr]) -> String {
    let mut found = peer;
    if peer.is_some_and(|peer| trusted.contains(&peer)) {
        let named =
            headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let named: Vec<&str> = named.flat_map(|value| value.split(',')).map(str::trim).collect();
        for text in named.iter().rev() {
            let Ok(address) = text.parse::<IpAddr>() else { break }; // nobody vouches for what is before
            found = Some(address);
            if !trusted.contains(&address) {
                break;
            }
        }
    }
    match found.map(|address| address.to_canonical()) {
        None => "unknown".to_owned(),
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests;
