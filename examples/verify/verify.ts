// Verify one webhook message by Standard Webhooks, with Web Crypto: Node.js, Deno, Bun, and workers at the edge.
declare const process: {
  env: Record<string, string | undefined>;
  stdin: AsyncIterable<Uint8Array>;
};

const TOLERANCE = 300; // seconds

type Reason = "secret" | "missing" | "malformed" | "time" | "signature";

function decode(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

// Says why a message is refused; null if it is good. `crypto.subtle.verify` compares in constant time.
export async function refusal(
  secret: string,
  headers: Headers,
  body: Uint8Array,
  now: number,
): Promise<Reason | null> {
  const raw = secret.startsWith("whsec_") ? decode(secret.slice(6)) : null;
  if (raw === null || raw.length < 24) return "secret";
  const id = headers.get("webhook-id");
  const timestamp = headers.get("webhook-timestamp");
  const signatures = headers.get("webhook-signature");
  if (!id || !timestamp || !signatures) return "missing";
  if (id.includes(".") || !/^[0-9]{1,12}$/.test(timestamp)) return "malformed";
  if (Math.abs(now - Number(timestamp)) > TOLERANCE) return "time";
  const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
  const start = new TextEncoder().encode(`${id}.${timestamp}.`);
  const signed = new Uint8Array(start.length + body.length);
  signed.set(start);
  signed.set(body, start.length);
  let fits = false;
  for (const given of signatures.split(" ")) {
    const mac = given.startsWith("v1,") ? decode(given.slice(3)) : null;
    if (mac !== null && (await crypto.subtle.verify("HMAC", key, mac, signed))) fits = true;
  }
  return fits ? null : "signature";
}

async function main(): Promise<void> {
  const bytes: number[] = [];
  for await (const chunk of process.stdin) bytes.push(...chunk);
  const input = Uint8Array.from(bytes);
  const end = input.findIndex((byte, index) => byte === 10 && input[index + 1] === 10);
  const headers = new Headers();
  for (const line of new TextDecoder().decode(input.subarray(0, end)).split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const now = Number(process.env.WEBHOOK_NOW ?? Date.now() / 1000);
  const reason = await refusal(process.env.WEBHOOK_SECRET ?? "", headers, input.subarray(end + 2), now);
  console.log(reason === null ? "ok" : `refused: ${reason}`);
}

void main();
