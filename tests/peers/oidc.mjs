// An authorization server that others wrote (certified), for the broker to be proven against: PKCE required, `iss` in
// the redirect, access tokens of a few seconds, refresh tokens that rotate, and a family that is revoked on reuse.
import { appendFileSync, existsSync } from "node:fs";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const [redirectUri, log] = process.argv.slice(2);
const account = { accountId: "owner", claims: async () => ({ sub: "owner" }) };

function configuration() {
  return {
    clients: [
      {
        client_id: "the-client",
        client_secret: "the-client-secret-of-enough-bytes",
        grant_types: ["authorization_code", "refresh_token", "client_credentials"],
        redirect_uris: [redirectUri],
        response_types: ["code"],
        token_endpoint_auth_method: "client_secret_basic",
        scope: "openid offline_access",
      },
    ],
    findAccount: async () => account,
    features: {
      devInteractions: { enabled: true },
      revocation: { enabled: true },
      introspection: { enabled: true },
      clientCredentials: { enabled: true },
    },
    issueRefreshToken: async () => true,
    rotateRefreshToken: () => true,
    ttl: { AccessToken: () => 30, RefreshToken: () => 3600, Grant: () => 3600, Session: () => 3600, Interaction: () => 600 },
    pkce: { required: () => true },
  };
}

let handle = (_, response) => response.end();
const server = createServer((request, response) => handle(request, response));
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, configuration());
  const callback = provider.callback();
  provider.on("grant.success", (ctx) => note({ grant: ctx.oidc.params.grant_type, ok: true }));
  provider.on("grant.error", (ctx, error) => note({ grant: ctx.oidc.params?.grant_type, ok: false, error: error.error }));
  provider.on("grant.revoked", () => note({ revoked: true }));
  // For a test that kills whoever waits for the answer: what was asked is done, and the answer never sent.
  handle = (request, response) => {
    if (request.url === "/token" && existsSync(`${log}.withhold`)) {
      response.end = () => response;
    }
    callback(request, response);
  };
  process.stdout.write(`${issuer}\n`);
});

function note(fact) {
  appendFileSync(log, `${JSON.stringify(fact)}\n`);
}
