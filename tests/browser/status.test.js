// The status page as a person sees it: one platform, one real browser, several looks.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TIMEOUT_MS = 30_000;
let platform, browser, page, address;
const complaints = [];
const data = mkdtempSync(join(tmpdir(), "data-fleet-"));

// The address that the platform says it listens on.
function listening(child) {
  return new Promise((resolve, reject) => {
    let log = "";
    child.stderr.on("data", (chunk) => {
      log += chunk;
      const found = log.match(/listening.* address=(127\.0\.0\.1:\d+)/);
      if (found) resolve(`http://${found[1]}`);
    });
    child.once("exit", (code) => reject(new Error(`the platform ended with ${code}: ${log}`)));
  });
}

before(async () => {
  const flags = ["run", "--data-dir", data, "--speed", "600", "--listen", "127.0.0.1:0", "--grpc-listen", "off"];
  platform = spawn(process.env.DATA_FLEET, flags, { stdio: ["ignore", "ignore", "pipe"] });
  address = await listening(platform);
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM, headless: true, args: ["--no-sandbox", "--disable-quic"],
  });
  page = await browser.newPage({ viewport: { width: 1200, height: 1500 } });
  page.setDefaultTimeout(TIMEOUT_MS);
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  await page.goto(address);
}, { timeout: 2 * TIMEOUT_MS });

after(async () => {
  await browser?.close();
  if (platform?.exitCode === null) {
    const ended = new Promise((resolve) => platform.once("exit", resolve));
    platform.kill("SIGTERM");
    await ended;
  }
  rmSync(data, { recursive: true });
});

test("thirty trucks are listed, and the page says that it is live", async () => {
  await page.waitForFunction(() => document.querySelectorAll("#trucks th").length === 30);
  await page.waitForFunction(() => document.querySelector("#connection").textContent === "live");
  const first = await page.locator("#trucks tr").first().allInnerTexts();
  assert.match(first[0], /^TRK-000001/);
});

test("trucks move, and every one is drawn on a road", async () => {
  await page.waitForFunction(() => document.querySelectorAll("#map circle.moving").length > 2);
  await page.waitForFunction(() => document.querySelectorAll("#map circle").length === 30);
  const far = await page.evaluate(() => {
    const roads = [...document.querySelectorAll("#map path")];
    const svg = document.querySelector("#map svg");
    // A stroke of 8 units is 4 to each side, some 3 km: the line is drawn with fewer points.
    for (const road of roads) road.style.strokeWidth = 8;
    const off = [...document.querySelectorAll("#map circle")].filter((circle) => {
      const at = svg.createSVGPoint();
      at.x = circle.cx.baseVal.value;
      at.y = circle.cy.baseVal.value;
      return !roads.some((road) => road.isPointInStroke(at));
    });
    for (const road of roads) road.style.strokeWidth = "";
    return off.map((circle) => circle.textContent);
  });
  assert.deepEqual(far, []);
});

test("what is shown follows the stream", async () => {
  const measured = () => document.querySelector("#trucks tr").lastChild.textContent;
  const before = await page.evaluate(measured);
  await page.waitForFunction((old) => document.querySelector("#trucks tr").lastChild.textContent !== old, before);
  await page.waitForFunction(() => /\d+ km/.test(document.querySelector("#totals").textContent));
});

test("a phone lives in our time, and silences no truck of the fleet", async () => {
  // The fleet runs 600 times as fast: by its clock a report of now is old at once.
  const sent = await fetch(`${address}/v1/ingest/osmand?id=ZZ-PHONE&lat=26.1&lon=91.7&timestamp=${Date.now()}`);
  assert.equal(sent.status, 200);
  const last = page.locator("#trucks tr").last();
  await page.waitForFunction(() => document.querySelectorAll("#trucks th").length === 31);
  assert.match((await last.allInnerTexts())[0], /^ZZ-PHONE/);
  assert.equal(await last.locator("td").first().getAttribute("class"), "still");
  await page.waitForFunction(() => document.querySelectorAll("#map circle.moving").length > 2);
});

test("it can be used by everybody, and nothing complains", async () => {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    const found = await page.evaluate(`${axe}; axe.run().then((r) => r.violations.map((v) => v.id + ": " + v.nodes[0].html))`);
    assert.deepEqual(found, [], colorScheme);
    if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/status-${colorScheme}.png` });
  }
  assert.deepEqual(complaints, []);
});
