// Relay one call: check its time and its signature, find the recipient, push. Whoever answers, does it alike.
import { createPublicKey, verify } from "node:crypto";
import https from "node:https";
import net from "node:net";
import pg from "pg";
import webpush from "web-push";

const WINDOW_MS = 5000;
const TTL_S = 60;

const { DATABASE_URL, VAPID_PUBLIC_KEY, VAPID_PRIVATE_KEY } = process.env;
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 10 });
webpush.setVapidDetails("mailto:operator@example.org", VAPID_PUBLIC_KEY, VAPID_PRIVATE_KEY);

// web-push speaks https only; here, as for every server of the comparison, without the TLS.
class Plain extends https.Agent {
  createConnection(options) {
    return net.connect(options);
  }
}
const agent = new Plain({ keepAlive: true });

class Refused extends Error {
  constructor(status, code) {
    super(code);
    this.status = status;
  }
}

export async function relay({ a: method, b: data, c: signature }) {
  if (Math.abs(Date.now() - data.b) > WINDOW_MS) throw new Refused(409, "stale_timestamp");
  const text = JSON.stringify(data);
  if (!verify(null, Buffer.from(text), keyOf(data.a), Buffer.from(signature, "base64"))) {
    throw new Refused(401, "bad_signature");
  }
  const subscription = await find(Buffer.from(data.c, "base64"));
  const payload = JSON.stringify({ data: { a: method, b: text, c: signature } });
  const urgency = method === "dial" ? "high" : "normal";
  await webpush.sendNotification(subscription, payload, { TTL: TTL_S, urgency, agent });
  return { ok: true, timestamp: Date.now() };
}

function keyOf(address) {
  const x = Buffer.from(address, "base64").toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
}

async function find(address) {
  const { rows } = await pool.query({
    name: "find",
    text: "SELECT endpoint, p256dh, auth FROM subscription WHERE address = $1 AND expires_at > $2",
    values: [address, Date.now()],
  });
  if (!rows.length) throw new Refused(404, "unknown_recipient");
  const { endpoint, p256dh, auth } = rows[0];
  return { endpoint, keys: { p256dh: p256dh.toString("base64url"), auth: auth.toString("base64url") } };
}
