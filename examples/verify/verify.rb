# Verify one webhook message by Standard Webhooks, with the standard library alone.
require "openssl"

TOLERANCE = 300 # seconds

# Says why a message is refused; nil if it is good. Header names are in lower case.
def refusal(secret, headers, body, now)
  encoded = secret[/\Awhsec_([A-Za-z0-9+\/]+)={0,2}\z/, 1]
  key = encoded.to_s.unpack1("m")
  return "secret" if key.bytesize < 24

  id, timestamp, signatures = headers.values_at("webhook-id", "webhook-timestamp", "webhook-signature")
  return "missing" if [id, timestamp, signatures].any? { |value| value.to_s.empty? }
  return "malformed" if id.include?(".") || !timestamp.match?(/\A[0-9]{1,12}\z/)
  return "time" if (now - timestamp.to_i).abs > TOLERANCE

  mac = OpenSSL::HMAC.digest("SHA256", key, "#{id}.#{timestamp}.".b + body)
  expected = "v1,#{[mac].pack("m0")}"
  fits = signatures.split(" ").map { |given| OpenSSL.secure_compare(given, expected) }
  fits.any? ? nil : "signature"
end

head, _, body = $stdin.binmode.read.partition("\n\n")
headers = head.split("\n").to_h do |line|
  name, _, value = line.partition(":")
  [name.strip.downcase, value.strip]
end
reason = refusal(ENV.fetch("WEBHOOK_SECRET"), headers, body, Integer(ENV.fetch("WEBHOOK_NOW", Time.now.to_i)))
puts reason ? "refused: #{reason}" : "ok"
