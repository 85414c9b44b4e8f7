//! Service levels.

use fleet_core::time::Time;
use fleet_proto::v1;
use tonic::{Request, Response, Status, async_trait};

use super::{Face, convert};
use crate::slo::{Slo, SloAlert, SloBurn, SloOutage, SloWindow};

#[async_trait]
impl v1::reliability_service_server::ReliabilityService for Face {
    async fn list_slos(
        &self,
        _: Request<v1::ListSlosRequest>,
    ) -> Result<Response<v1::ListSlosResponse>, Status> {
        let work = async { Ok(v1::ListSlosResponse { slos: convert::all(self.0.slos().await?) }) };
        self.answer("ReliabilityService/ListSlos", work).await
    }

    async fn get_slo(
        &self,
        request: Request<v1::GetSloRequest>,
    ) -> Result<Response<v1::Slo>, Status> {
        let v1::GetSloRequest { name } = request.into_inner();
        let work = async { Ok(self.0.slo(&name).await?.into()) };
        self.answer("ReliabilityService/GetSlo", work).await
    }
}

impl From<Slo> for v1::Slo {
    fn from(slo: Slo) -> Self {
        Self {
            name: slo.name.into(),
            meaning: slo.meaning.into(),
            source: slo.source.into(),
            objective: slo.objective,
            budget_ppm: slo.budget_ppm,
            state: slo.state.into(),
            as_of_ms: slo.as_of.as_ms(),
            window_30d: Some(slo.window_30d.into()),
            window_5m: Some(slo.window_5m.into()),
            burn_rates: convert::all(slo.burn_rates),
            alerts: convert::all(slo.alerts),
            exhausted_in_s: slo.exhausted_in_s,
            within_budget_at_ms: slo.within_budget_at.map(Time::as_ms),
            within_half_at_ms: slo.within_half_at.map(Time::as_ms),
            worst_outage: slo.worst_outage.map(Into::into),
        }
    }
}

impl From<SloWindow> for v1::SloWindow {
    fn from(window: SloWindow) -> Self {
        Self {
            verdict: window.verdict.into(),
            total: window.total,
            bad: window.bad,
            sli: window.sli,
            budget_used: window.budget_used,
            budget_left: window.budget_left,
            coverage: window.coverage,
            is_partial: window.is_partial,
        }
    }
}

impl From<SloBurn> for v1::SloBurn {
    fn from(SloBurn { window, total, bad, burn_rate }: SloBurn) -> Self {
        Self { window: window.into(), total, bad, burn_rate }
    }
}

impl From<SloAlert> for v1::SloAlert {
    fn from(alert: SloAlert) -> Self {
        Self {
            name: alert.name.into(),
            state: alert.state.into(),
            factor: alert.factor,
            long_window: alert.long_window.into(),
            short_window: alert.short_window.into(),
            reason: alert.reason,
        }
    }
}

impl From<SloOutage> for v1::SloOutage {
    fn from(outage: SloOutage) -> Self {
        Self {
            from_ms: outage.from.as_ms(),
            to_ms: outage.to.as_ms(),
            total: outage.total,
            bad: outage.bad,
            budget_used: outage.budget_used,
            ages_out_at_ms: outage.ages_out_at.as_ms(),
        }
    }
}
