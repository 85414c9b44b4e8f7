"""The service that rows 21 and 22 are compared with: 30 trucks, checked by a response model."""

from fastapi import FastAPI
from pydantic import BaseModel


class Truck(BaseModel):
    truck_id: str
    seq: int
    event_time: str
    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    heading_deg: float
    speed_kmh: float
    fuel_l: float
    fuel_pct: float
    coolant_c: float
    engine_rpm: float
    gear: int
    vibration_rms_mps2: float
    odometer_km: float
    status: str
    trip_id: str
    road_class: str
    zone: str
    driver_id: str


def truck(number: int) -> dict:
    return dict(
        truck_id=f"TRK-{number:06}", seq=123456 + number, event_time="2026-01-01T00:00:00Z",
        latitude_deg=26.1445 + number / 100, longitude_deg=91.7362 + number / 90,
        altitude_m=55.5, heading_deg=271.3, speed_kmh=47.25, fuel_l=211.4, fuel_pct=52.85,
        coolant_c=88.1, engine_rpm=1480.0, gear=9, vibration_rms_mps2=1.37,
        odometer_km=184220.75 + number, status="en_route", trip_id=f"{number:06}-000042",
        road_class="national_highway", zone="assam", driver_id=f"DRV-{number:06}",
    )


TRUCKS = [truck(number) for number in range(1, 31)]
app = FastAPI()


@app.get("/v1/trucks", response_model=list[Truck])
async def trucks():
    return TRUCKS
