// Verify one webhook message by Standard Webhooks, with .NET alone.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

public static class Verify
{
    const long Tolerance = 300; // seconds

    // Says why a message is refused; null if it is good.
    public static string Refusal(string secret, IDictionary<string, string> headers, byte[] body, long now)
    {
        var encoded = Regex.Match(secret, @"^whsec_([A-Za-z0-9+/]+)={0,2}\z").Groups[1].Value;
        if (encoded.Length < 32 || encoded.Length % 4 == 1) return "secret";
        var key = Convert.FromBase64String(encoded + new string('=', (4 - encoded.Length % 4) % 4));
        if (!headers.TryGetValue("webhook-id", out var id) || id == "" ||
            !headers.TryGetValue("webhook-timestamp", out var timestamp) || timestamp == "" ||
            !headers.TryGetValue("webhook-signature", out var signatures) || signatures == "") return "missing";
        if (id.Contains(".") || !Regex.IsMatch(timestamp, @"^[0-9]{1,12}\z")) return "malformed";
        if (Math.Abs(now - long.Parse(timestamp)) > Tolerance) return "time";
        using (var mac = new HMACSHA256(key))
        {
            var signed = Encoding.UTF8.GetBytes(id + "." + timestamp + ".").Concat(body).ToArray();
            var expected = "v1," + Convert.ToBase64String(mac.ComputeHash(signed));
            var fits = false;
            foreach (var given in signatures.Split(' ')) fits |= SameInConstantTime(expected, given);
            return fits ? null : "signature";
        }
    }

    // From .NET Core 2.1 on, CryptographicOperations.FixedTimeEquals does this for bytes.
    static bool SameInConstantTime(string expected, string given)
    {
        var difference = expected.Length ^ given.Length;
        for (var i = 0; i < expected.Length && i < given.Length; i++) difference |= expected[i] ^ given[i];
        return difference == 0;
    }

    public static void Main()
    {
        var stdin = new MemoryStream();
        Console.OpenStandardInput().CopyTo(stdin);
        var input = stdin.ToArray();
        var end = 0;
        while (input[end] != '\n' || input[end + 1] != '\n') end++;
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var line in Encoding.UTF8.GetString(input, 0, end).Split('\n'))
        {
            var colon = line.IndexOf(':');
            headers[line.Substring(0, colon).Trim()] = line.Substring(colon + 1).Trim();
        }
        var given = Environment.GetEnvironmentVariable("WEBHOOK_NOW");
        var now = given == null ? DateTimeOffset.UtcNow.ToUnixTimeSeconds() : long.Parse(given);
        var secret = Environment.GetEnvironmentVariable("WEBHOOK_SECRET") ?? "";
        var reason = Refusal(secret, headers, input.Skip(end + 2).ToArray(), now);
        Console.WriteLine(reason == null ? "ok" : "refused: " + reason);
    }
}
