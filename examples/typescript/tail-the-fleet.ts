// Lists the trucks and tails the live feed by REST. The types are made from the OpenAPI document, so
// that a field which is not there, or may be absent, is found by the compiler.
//
//     npm ci && npm run build
//     npm start -- --address http://127.0.0.1:8080 --count 5
//
// FLEET_KEY is sent as the API key if it is set.

import { parseArgs } from "node:util";

import createClient from "openapi-fetch";

import type { components, paths } from "./generated/schema.js";

type Truck = components["schemas"]["Truck"];
type Entry = components["schemas"]["Entry"];

const FAILURES_MAX = 8; // in a row, before it gives up

const { values: options } = parseArgs({
  options: {
    address: { type: "string", default: "http://127.0.0.1:8080" },
    count: { type: "string", default: "5" },
    truck: { type: "string" },
  },
});
const key = process.env["FLEET_KEY"];
const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
const client = createClient<paths>({ baseUrl: options.address, headers });

/** What a problem (RFC 9457) says. */
function told(problem: components["schemas"]["ProblemBody"]): Error {
  return new Error(`${problem.status} ${problem.type}: ${problem.detail}`);
}

/** Every truck, page by page. */
async function* trucks(): AsyncGenerator<Truck> {
  let token = "";
  do {
    const query = { page_size: 20, ...(token === "" ? {} : { page_token: token }) };
    const { data, error } = await client.GET("/v1/trucks", { params: { query } });
    if (data === undefined) throw told(error);
    yield* data.items;
    token = data.next_page_token;
  } while (token !== "");
}

/** The blocks of a stream of events, each with its id. EventSource could not send a key. */
async function* events(lastId: string, truck: string | undefined): AsyncGenerator<[string, string]> {
  const url = new URL("/v1/stream/events", options.address);
  if (truck !== undefined) url.searchParams.set("truck_id", truck);
  const answer = await fetch(url, { headers: { ...headers, "last-event-id": lastId } });
  if (!answer.ok || answer.body === null) throw new Error(`${answer.status} ${await answer.text()}`);
  let rest = "";
  for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      let [id, name, data] = ["", "", ""];
      for (const line of block.split("\n")) {
        if (line.startsWith("id: ")) id = line.slice(4);
        if (line.startsWith("event: ")) name = line.slice(7);
        if (line.startsWith("data: ")) data += line.slice(6);
      }
      // A resync carries where every truck is; what this program shows goes on after it.
      if (id !== "") yield [id, name === "resync" ? "" : data];
    }
  }
}

/** The feed from now on; cut off, it goes on right after the last entry. */
async function* entries(truck: string | undefined): AsyncGenerator<Entry> {
  let lastId = "";
  for (let failures = 0; ; failures += 1) {
    try {
      for await (const [id, data] of events(lastId, truck)) {
        [lastId, failures] = [id, 0];
        if (data !== "") {
          const entry: Entry = JSON.parse(data);
          yield entry;
        }
      }
    } catch (error) {
      if (failures === FAILURES_MAX) throw error;
      console.error(`${String(error)}: going on soon`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** failures));
  }
}

/** An entry of the feed for people. */
function line(entry: Entry): string {
  if (entry.kind === "trip") {
    const { trip } = entry;
    return `${trip.truck_id} trip ${trip.trip_id} from ${trip.origin.name} to ${trip.destination.name}`;
  }
  const { event } = entry;
  const speed = event.signals.speed_kmh; // an absent reading is not zero
  const shown = typeof speed === "number" ? `${speed.toFixed(1)} km/h` : "no speed";
  return `${event.event_time} ${event.truck_id} ${event.status} ${shown}`;
}

const { data: summary, error } = await client.GET("/v1/fleet/summary");
if (summary === undefined) throw told(error);
console.log(`${summary.trucks} trucks, ${(Number(summary.distance_mm) / 1e6).toFixed(1)} km driven`);
for await (const truck of trucks()) {
  console.log(`${truck.truck_id}  ${truck.registered?.model_name ?? "not registered"}`);
}
let count = Number(options.count);
for await (const entry of entries(options.truck)) {
  console.log(line(entry));
  if (--count <= 0) break;
}
