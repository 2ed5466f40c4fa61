<?php
// Verify one webhook message by Standard Webhooks, with PHP alone.
declare(strict_types=1);

const TOLERANCE = 300; // seconds

/** Says why a message is refused; null if it is good. Header names are in lower case. */
function refusal(string $secret, array $headers, string $body, int $now): ?string
{
    $encoded = str_starts_with($secret, 'whsec_') ? substr($secret, 6) : '';
    $key = base64_decode($encoded, true);
    if ($key === false || strlen($key) < 24) {
        return 'secret';
    }
    $id = $headers['webhook-id'] ?? '';
    $timestamp = $headers['webhook-timestamp'] ?? '';
    $signatures = $headers['webhook-signature'] ?? '';
    if ($id === '' || $timestamp === '' || $signatures === '') {
        return 'missing';
    }
    if (str_contains($id, '.') || !preg_match('/^[0-9]{1,12}$/D', $timestamp)) {
        return 'malformed';
    }
    if (abs($now - (int) $timestamp) > TOLERANCE) {
        return 'time';
    }
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
    $fits = false;
    foreach (explode(' ', $signatures) as $given) {
        $fits = hash_equals($expected, $given) || $fits;
    }
    return $fits ? null : 'signature';
}

[$head, $body] = explode("\n\n", file_get_contents('php://stdin'), 2);
$headers = [];
foreach (explode("\n", $head) as $line) {
    [$name, $value] = explode(':', $line, 2) + ['', ''];
    $headers[strtolower(trim($name))] = trim($value);
}
$reason = refusal((string) getenv('WEBHOOK_SECRET'), $headers, $body, (int) (getenv('WEBHOOK_NOW') ?: time()));
echo $reason === null ? 'ok' : "refused: $reason", "\n";
