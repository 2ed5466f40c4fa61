"""The page at `/`: what runs here, and the first three commands. Plain HTML without a script."""

from fastapi import APIRouter, Request, Response

from worksphere_hub import __version__

router = APIRouter(include_in_schema=False)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>WorkSphere Hub</title>
<style>
:root {{ color-scheme: light dark; --ink: light-dark(#1b1f24, #e8eaed); --soft: light-dark(#57606a, #9aa4ae);
  --paper: light-dark(#ffffff, #14171a); --panel: light-dark(#f4f6f8, #1e2227); --mark: light-dark(#0b57d0, #8ab4f8); }}
body {{ margin: 0 auto; max-width: 44rem; padding: 3rem 1.25rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.6 system-ui, sans-serif; }}
h1 {{ font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; }}
p.version {{ color: var(--soft); margin: 0 0 2rem; }}
h2 {{ font-size: 1.1rem; margin: 2rem 0 .5rem; }}
pre {{ background: var(--panel); border-radius: .5rem; padding: 1rem; overflow-x: auto; font-size: .875rem; }}
a {{ color: var(--mark); }}
</style>
</head>
<body>
<main>
<h1>WorkSphere Hub</h1>
<p class="version">Version {version}. The API is running here.</p>
<p>Publish an event and every matching webhook endpoint gets a signed message, retried until it is delivered or given
up, every attempt on record.</p>
<h2>Register a receiver</h2>
<pre>curl {base}/v1/webhook-endpoints -H "Authorization: Bearer $KEY" -H 'content-type: application/json' \\
  -d '{{"url": "https://example.com/hooks", "event_types": ["invoice.*"]}}'</pre>
<h2>Publish an event</h2>
<pre>curl {base}/v1/events -H "Authorization: Bearer $KEY" -H 'content-type: application/json' \\
  -d '{{"type": "invoice.paid", "data": {{"amount": 100}}}}'</pre>
<h2>See what became of it</h2>
<pre>curl {base}/v1/deliveries -H "Authorization: Bearer $KEY"</pre>
<p><a href="/openapi.json">The whole API as an OpenAPI document</a> &middot; <a href="/readyz">Readiness</a> &middot;
<a href="/metrics">Metrics</a></p>
</main>
</body>
</html>
"""

# The page has one inline style sheet and nothing else.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


@router.get("/")
async def start_page(request: Request) -> Response:
    """Show what runs here."""
    base = str(request.base_url).rstrip("/").translate(str.maketrans({"<": "", ">": "", "&": "", '"': ""}))
    page = _PAGE.format(version=__version__, base=base)
    return Response(page, media_type="text/html", headers={"content-security-policy": _POLICY})
