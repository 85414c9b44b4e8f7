// The status page: totals every few seconds, trucks as they report. Shows what it knows and since when.
"use strict";
const trucks = new Map();
const registered = new Set(); // the fleet's own: they live in the world's time, all others in ours
const SILENT_MS = 300000;
const byId = (id) => document.getElementById(id);
const number = (value, digits) => value === undefined || value === null ? "no reading"
  : value.toLocaleString(undefined, { maximumFractionDigits: digits, minimumFractionDigits: digits });
const ist = (time) => new Date(time).toLocaleString(undefined,
  { timeZone: "Asia/Kolkata", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const words = (status) => status.replaceAll("_", " ");
let source; // the live stream
let failure = ""; // why the list of trucks could not be read
let lastHeard = Date.now(); // a quiet minute is no failure yet
let newest = 0; // simulated time of the fleet's newest report, ms
let dirty = false;

function element(name, text, className) {
  const node = document.createElement(name);
  node.textContent = text;
  if (className) node.className = className;
  return node;
}

// Reports may come late or twice, by the list and by the stream: the newest measurement stays.
function learn(event) {
  const at = Date.parse(event.event_time);
  const known = trucks.get(event.truck_id);
  if (known && known.at > at) return;
  trucks.set(event.truck_id, { at, ...event });
  if (registered.has(event.truck_id)) newest = Math.max(newest, at);
  dirty = true;
}

const kind = (event) => (registered.has(event.truck_id) ? newest : Date.now()) - event.at > SILENT_MS ? "silent"
  : (event.signals.speed_kmh || 0) > 1 ? "moving" : "still";

function drawTrucks() {
  const rows = [...trucks.values()].sort((a, b) => a.truck_id < b.truck_id ? -1 : 1).map((event) => {
    const row = document.createElement("tr");
    const s = event.signals;
    row.append(element("th", event.truck_id), element("td", words(event.status), kind(event)),
      ...[number(s.speed_kmh, 1), number(s.fuel_pct, 1), number(s.coolant_c, 1), number(s.odometer_km, 1)]
        .map((text) => element("td", text, "number")),
      element("td", event.trip_id || "none"), element("td", ist(event.event_time)));
    row.firstChild.scope = "row";
    return row;
  });
  if (rows.length) byId("trucks").replaceChildren(...rows);
  else byId("trucks").firstChild.firstChild.textContent = "no truck has reported yet";
}

function drawMap() {
  const map = byId("map").firstElementChild;
  if (!map) return;
  const svg = (name, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const marks = svg("g", { id: "marks" });
  const labels = new Map(); // trucks at one depot share a label
  for (const event of [...trucks.values()].sort((a, b) => a.truck_id < b.truck_id ? -1 : 1)) {
    const x = (event.position.lon - map.dataset.west) * map.dataset.x;
    const y = (map.dataset.north - event.position.lat) * map.dataset.y;
    const mark = svg("circle", { cx: x, cy: y, r: 6, class: kind(event) });
    const title = svg("title", {});
    title.textContent = `${event.truck_id}: ${words(event.status)}`;
    mark.append(title);
    marks.append(mark);
    const place = `${Math.round(x / 8)} ${Math.round(y / 8)}`;
    const name = event.truck_id.replace(/^TRK-0*/, "");
    const label = labels.get(place);
    if (label) label.textContent += ` ${name}`;
    else labels.set(place, svg("text", { x: x + 8, y: y - 6, class: "truck" })).get(place).textContent = name;
  }
  marks.append(...labels.values());
  map.querySelector("#marks")?.remove();
  map.append(marks);
}

async function get(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response;
}

async function refreshTotals() {
  const pair = (name, value, className) => {
    const div = document.createElement("div");
    div.append(element("dt", name), element("dd", value, className));
    return div;
  };
  try {
    const s = await (await get("/v1/fleet/summary")).json();
    const big = (text, divisor, unit) => `${number(Number(BigInt(text) / BigInt(divisor)), 0)} ${unit}`;
    byId("totals").replaceChildren(...[
      ["trucks", s.trucks_silent ? `${s.trucks}, ${s.trucks_silent} not heard yet` : `${s.trucks}`],
      ["now", Object.entries(s.trucks_by_status).map(([k, n]) => `${n} ${words(k)}`).join(", ") || "no report yet"],
      ["distance", big(s.distance_mm, 1000000, "km")], ["fuel burned", big(s.fuel_burned_ul, 1000000, "l")],
      ["diesel cost", `₹ ${big(s.diesel_cost_upaise, 100000000, "")}`], ["CO₂", big(s.co2_mg, 1000000, "kg")],
      ["reports", number(Number(s.events), 0)], ["trips ended", `${s.trips}, ${s.trips_on_time} on time`],
      ["totals as of", s.counters_at ? `${ist(s.counters_at)} IST` : "no checkpoint yet"],
    ].map(([name, value]) => pair(name, value)));
  } catch (error) {
    byId("totals").replaceChildren(pair("totals", `not available: ${error.message}`, "bad"));
  }
}

// Both windows side by side; what cannot be said is said in words, never as 0 or 100 %.
function sloRow(slo) {
  const share = (window) => window.sli === null ? words(window.verdict)
    : `${number(window.sli * 100, 3)} % of ${number(window.total, 0)}, ${window.verdict}`
      + (window.is_partial ? ` (${covered(window.coverage)} % watched)` : "");
  const covered = (coverage) => coverage < 0.001 ? "under 0.1" : number(coverage * 100, 1);
  const left = slo.window_30d.budget_left;
  const budget = left === null ? words(slo.window_30d.verdict) : `${number(left * 100, 1)} % left`
    + (slo.exhausted_in_s ? `, gone in ${number(slo.exhausted_in_s / 3600, 1)} h at this pace` : "")
    + (left < 0 ? `, back by ${ist(slo.within_budget_at)} IST if nothing else fails` : "");
  const kind = ["healthy", "no_traffic", "no_data"].includes(slo.state) ? "" : "bad";
  const row = document.createElement("tr");
  row.append(element("th", words(slo.name)), element("td", slo.objective), element("td", words(slo.state), kind),
    element("td", share(slo.window_5m), slo.window_5m.verdict === "missed" ? "bad" : ""),
    element("td", share(slo.window_30d), slo.window_30d.verdict === "missed" ? "bad" : ""), element("td", budget));
  row.firstChild.scope = "row";
  row.firstChild.title = slo.meaning;
  return row;
}

async function refreshSlos() {
  try {
    const list = await (await get("/v1/slo")).json();
    byId("slos").replaceChildren(...list.items.map(sloRow));
  } catch (error) {
    const row = document.createElement("tr");
    const cell = element("td", `not available: ${error.message}`, "bad");
    cell.colSpan = 6;
    row.append(cell);
    byId("slos").replaceChildren(row);
  }
}

function groupRow(group) {
  const isWell = ["caught_up", "keeping_pace", "catching_up"].includes(group.verdict);
  const inHours = (seconds) => seconds < 5400 ? `${number(seconds / 60, 1)} min` : `${number(seconds / 3600, 1)} h`;
  const foreseen = group.loss_in_seconds !== null ? `first records lost in ${inHours(group.loss_in_seconds)}`
    : group.catch_up_seconds ? `caught up in ${inHours(group.catch_up_seconds)}` : "";
  const row = document.createElement("tr");
  row.append(element("th", group.group), element("td", words(group.verdict), isWell ? "" : "bad"),
    element("td", group.since ? ist(group.since) : "not known yet"),
    element("td", group.rebalancing ? "rebalancing" : group.members === null ? "unknown" : `${group.members}`, "number"),
    element("td", number(group.lag_records, 0), "number"), element("td", number(group.lag_seconds, 0), "number"),
    element("td", foreseen, group.loss_in_seconds !== null ? "bad" : ""));
  row.firstChild.scope = "row";
  return row;
}

async function refreshGroups() {
  try {
    const list = await (await get("/v1/pipeline/groups")).json();
    byId("groups").replaceChildren(...list.items.map(groupRow));
  } catch (error) {
    const row = document.createElement("tr");
    const cell = element("td", `not available: ${error.message}`, "bad");
    cell.colSpan = 7;
    row.append(cell);
    byId("groups").replaceChildren(row);
  }
}

async function refreshTrucks() {
  let token = "";
  do {
    const page = await (await get(`/v1/trucks?page_size=500&page_token=${token}`)).json();
    for (const truck of page.items) {
      if (truck.registered) registered.add(truck.truck_id);
      if (truck.latest) learn(truck.latest);
    }
    token = page.next_page_token;
  } while (token);
}

function tellConnection() {
  const age = Math.round((Date.now() - lastHeard) / 1000);
  const state = failure ? `error: ${failure}`
    : source.readyState !== EventSource.OPEN ? "offline: reconnecting"
    : age > 60 ? `stale: nothing heard for ${age} s` : "live";
  const node = byId("connection");
  if (node.textContent !== state) node.textContent = state;
  node.className = state.split(":")[0];
}

// A browser reconnects by itself after a cut, but not after a refusal: then a new stream is opened.
function follow() {
  source = new EventSource("/v1/stream/events");
  source.addEventListener("telemetry", (message) => {
    lastHeard = Date.now();
    const { event } = JSON.parse(message.data);
    const isNew = !trucks.has(event.truck_id);
    learn(event);
    if (isNew) refresh(); // whether it is registered, only the list knows
  });
  const refresh = () => refreshTrucks().then(() => { failure = ""; }, (error) => { failure = error.message; });
  source.addEventListener("open", refresh);
  source.addEventListener("resync", refresh);
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, 3000);
  });
}

function start() {
  follow(); // first: what is reported while the list is read is in one of both
  get("/map.svg").then((response) => response.text()).then((text) => {
    const map = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    byId("map").replaceChildren(document.importNode(map, true));
    dirty = true;
  }).catch((error) => { byId("map").textContent = `no map: ${error.message}`; });
  setInterval(() => {
    tellConnection();
    if (dirty) { dirty = false; drawTrucks(); drawMap(); }
  }, 500);
  refreshTotals();
  setInterval(refreshTotals, 5000);
  refreshSlos();
  setInterval(refreshSlos, 15000);
  refreshGroups();
  setInterval(refreshGroups, 5000);
}
start();
