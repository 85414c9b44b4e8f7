// The status page: totals every few seconds, trucks as they report. Shows what it knows and since when.
"use strict";
const trucks = new Map();
const box = { west: 87.8, east: 97.2, south: 22.6, north: 28.6 };
const byId = (id) => document.getElementById(id);
const number = (value, digits) => value === undefined || value === null ? "no reading"
  : value.toLocaleString(undefined, { maximumFractionDigits: digits, minimumFractionDigits: digits });
const ist = (time) => new Date(time).toLocaleTimeString(undefined, { timeZone: "Asia/Kolkata", hour12: false });
let lastHeard = 0;

function element(name, text, className) {
  const node = document.createElement(name);
  node.textContent = text;
  if (className) node.className = className;
  return node;
}

function drawTrucks() {
  const rows = [...trucks.values()].sort((a, b) => a.truck_id < b.truck_id ? -1 : 1).map((event) => {
    const row = document.createElement("tr");
    const s = event.signals;
    const cells = [event.truck_id, event.status.replace("_", " "), number(s.speed_kmh, 1), number(s.fuel_pct, 1),
      number(s.coolant_c, 1), number(s.odometer_km, 1), event.trip_id || "none", ist(event.event_time)];
    row.append(...cells.map((text) => element("td", text)));
    return row;
  });
  byId("trucks").replaceChildren(...(rows.length ? rows : [element("tr", "no truck has reported yet")]));
}

function drawMap() {
  const svg = (name, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const marks = [];
  for (const event of trucks.values()) {
    const x = (event.position.lon - box.west) / (box.east - box.west) * 1000;
    const y = (box.north - event.position.lat) / (box.north - box.south) * 800;
    const kind = (event.signals.speed_kmh || 0) > 1 ? "moving" : "still";
    const mark = svg("circle", { cx: x, cy: y, r: 8, class: kind });
    const title = svg("title", {});
    title.textContent = `${event.truck_id}: ${event.status}`;
    mark.append(title);
    const label = svg("text", { x: x + 11, y: y + 5 });
    label.textContent = event.truck_id.slice(-3);
    marks.push(mark, label);
  }
  byId("map").replaceChildren(...marks);
}

async function get(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

async function refreshTotals() {
  try {
    const s = await get("/v1/fleet/summary");
    const big = (text, divisor, unit) => `${number(Number(BigInt(text) / BigInt(divisor)), 0)} ${unit}`;
    const totals = [
      ["trucks", `${s.trucks} (${s.trucks_silent} silent)`],
      ["by status", Object.entries(s.trucks_by_status).map(([k, n]) => `${n} ${k.replace("_", " ")}`).join(", ") || "none"],
      ["distance", big(s.distance_mm, 1000000, "km")], ["fuel burned", big(s.fuel_burned_ul, 1000000, "l")],
      ["diesel cost", big(s.diesel_cost_upaise, 100000000, "₹")], ["CO₂", big(s.co2_mg, 1000000, "kg")],
      ["reports", number(Number(s.events), 0)], ["trips ended", `${s.trips} (${s.trips_on_time} on time)`],
      ["totals as of", s.counters_at ? `${ist(s.counters_at)} IST` : "no checkpoint yet"],
    ];
    byId("totals").replaceChildren(...totals.flatMap(([k, v]) => [element("dt", k), element("dd", v)]));
  } catch (error) {
    byId("totals").replaceChildren(element("dt", "totals"), element("dd", `not available: ${error.message}`, "bad"));
  }
}

function tellConnection(source) {
  const age = Math.round((Date.now() - lastHeard) / 1000);
  const words = source.readyState === EventSource.OPEN
    ? (lastHeard && age > 60 ? `stale: nothing heard for ${age} s` : "live")
    : "offline: reconnecting";
  byId("connection").textContent = words;
}

async function start() {
  let cursor = "";
  try {
    const [list] = [await get("/v1/trucks?page_size=500")];
    for (const truck of list.items) if (truck.latest) trucks.set(truck.truck_id, truck.latest);
  } catch (error) {
    byId("connection").textContent = `error: ${error.message}`;
  }
  const source = new EventSource("/v1/stream/events" + cursor);
  let dirty = true;
  source.addEventListener("telemetry", (message) => {
    const { event } = JSON.parse(message.data);
    const known = trucks.get(event.truck_id);
    lastHeard = Date.now();
    if (!known || known.event_time <= event.event_time) trucks.set(event.truck_id, event);
    dirty = true;
  });
  setInterval(() => {
    tellConnection(source);
    if (dirty) { drawTrucks(); drawMap(); dirty = false; }
  }, 500);
  refreshTotals();
  setInterval(refreshTotals, 5000);
}
start();
