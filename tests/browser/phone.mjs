// A phone with a browser of its own, told what to do in JSON lines and answering in JSON lines.
//
//   {"do": "open", "url": …, "javascript": false, "broken": true, "slow": true, "dark": true, "width": 320}
//   {"do": "type", "field": …, "text": …}   {"do": "press", "text": …}   {"do": "look", "shot": …}
//   {"do": "back"}
//
// `open` begins with a fresh profile; `press` is a tap on the button or link that bears the text. Each answers how the
// page looks then: its address, its words, what barriers axe finds, how wide it is, what it cost, and every complaint.
import { readFile, mkdir } from "node:fs/promises";
import { createInterface } from "node:readline";
import chromium from "@sparticuz/chromium";
import puppeteer from "puppeteer-core";

const axe = await readFile(new URL("./node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const home = process.env.TMPDIR;
await mkdir(home, { recursive: true });
const browser = await puppeteer.launch({
  executablePath: await chromium.executablePath(),
  headless: "shell",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--font-render-hinting=none"],
});
let context, page, wire, complaints, cost;

async function open(wanted) {
  await context?.close();
  context = await browser.createBrowserContext();
  page = await context.newPage();
  complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (said) => said.type() === "error" && complaints.push(said.text()));
  await page.setViewport({ width: wanted.width ?? 390, height: 844, deviceScaleFactor: 2, isMobile: true, hasTouch: true });
  await page.setJavaScriptEnabled(wanted.javascript ?? true);
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: wanted.dark ? "dark" : "light" }]);
  if (wanted.broken) {
    await page.evaluateOnNewDocument(() => {
      NodeList.prototype.forEach = () => { throw new Error("broken on purpose"); };
    });
  }
  wire = await page.createCDPSession();
  await wire.send("Network.enable");
  wire.on("Network.responseReceived", ({ response }) => response.url.startsWith("http") && (cost.requests += 1));
  wire.on("Network.loadingFinished", ({ encodedDataLength }) => (cost.bytes += encodedDataLength));
  if (wanted.slow) {
    await wire.send("Network.emulateNetworkConditions",
      { offline: false, latency: 800, downloadThroughput: 100_000 / 8, uploadThroughput: 50_000 / 8 });
    await wire.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  }
  await arrive(() => page.goto(wanted.url));
}

async function arrive(going) {
  cost = { requests: 0, bytes: 0, since: performance.now() };
  await going();
  cost.milliseconds = Math.round(performance.now() - cost.since);
}

async function press(text) {
  const found = await page.$$("button, a");
  for (const each of found) {
    if ((await each.evaluate((node) => node.textContent.replace(/[\u2068\u2069]/g, "").trim())) !== text) continue;
    const stays = await each.evaluate((node) => node.hasAttribute("data-shows"));
    if (stays) return each.tap();
    return arrive(() => Promise.all([page.waitForNavigation(), each.tap()]));
  }
  throw new Error(`nothing bears ${text}`);
}

async function look(wanted) {
  if (wanted.shot) await page.screenshot({ path: wanted.shot, fullPage: true });
  // What looks for barriers is a script: without any there is nothing to look with.
  const able = page.isJavaScriptEnabled();
  if (able) await page.evaluate(axe);
  const barriers = able
    ? await page.evaluate(async () => (await axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"] }))
        .violations.map((each) => `${each.id}: ${each.nodes.map((node) => node.html).join(" ")}`))
    : [];
  const seen = await page.evaluate(() => ({
    text: document.body.innerText.replace(/[\u2068\u2069]/g, ""), wide: document.documentElement.scrollWidth,
    fields: Object.fromEntries([...document.getElementsByTagName("input")].map((each) => [each.name, [each.type, each.value]])),
    focus: document.activeElement?.id, direction: document.dir,
  }));
  const { since, ...spent } = cost;
  return { url: page.url(), barriers, complaints, ...seen, ...spent };
}

for await (const line of createInterface({ input: process.stdin })) {
  const wanted = JSON.parse(line);
  try {
    if (wanted.do === "open") await open(wanted);
    else if (wanted.do === "press") await press(wanted.text);
    else if (wanted.do === "type") await (await page.$(`[id="${wanted.field}"]`)).type(wanted.text);
    else if (wanted.do === "back") await arrive(() => page.goBack());
    console.log(JSON.stringify(await look(wanted)));
  } catch (error) {
    console.log(JSON.stringify({ failed: String(error) }));
  }
}
await browser.close();
