// Verify one webhook message by Standard Webhooks, with Node.js alone.
import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";

const TOLERANCE = 300; // seconds

// Says why a message is refused; null if it is good. Header names are in lower case, body is a Buffer.
export function refusal(secret, headers, body, now) {
  const encoded = /^whsec_([A-Za-z0-9+/]+)={0,2}$/.exec(secret)?.[1];
  const key = Buffer.from(encoded ?? "", "base64");
  if (key.length < 24) return "secret";
  const id = headers["webhook-id"];
  const timestamp = headers["webhook-timestamp"];
  const signatures = headers["webhook-signature"];
  if (!id || !timestamp || !signatures) return "missing";
  if (id.includes(".") || !/^[0-9]{1,12}$/.test(timestamp)) return "malformed";
  if (Math.abs(now - Number(timestamp)) > TOLERANCE) return "time";
  const mac = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
  const expected = Buffer.from(`v1,${mac}`);
  let fits = false;
  for (const text of signatures.split(" ")) {
    const given = Buffer.from(text);
    if (given.length === expected.length && timingSafeEqual(given, expected)) fits = true;
  }
  return fits ? null : "signature";
}

const input = readFileSync(0);
const end = input.indexOf("\n\n");
const headers = {};
for (const line of input.subarray(0, end).toString().split("\n")) {
  const colon = line.indexOf(":");
  headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
}
const now = Number(process.env.WEBHOOK_NOW ?? Date.now() / 1000);
const reason = refusal(process.env.WEBHOOK_SECRET, headers, input.subarray(end + 2), now);
console.log(reason === null ? "ok" : `refused: ${reason}`);
