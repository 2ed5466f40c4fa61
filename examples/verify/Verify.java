// Verify one webhook message by Standard Webhooks, with the JDK alone.
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.Map;
import java.util.TreeMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public class Verify {
    static final long TOLERANCE = 300; // seconds

    /** Says why a message is refused; null if it is good. */
    static String refusal(String secret, Map<String, String> headers, byte[] body, long now)
            throws GeneralSecurityException {
        byte[] key;
        try {
            key = Base64.getDecoder().decode(secret.startsWith("whsec_") ? secret.substring(6) : "");
        } catch (IllegalArgumentException notBase64) {
            return "secret";
        }
        if (key.length < 24) return "secret";
        String id = headers.getOrDefault("webhook-id", "");
        String timestamp = headers.getOrDefault("webhook-timestamp", "");
        String signatures = headers.getOrDefault("webhook-signature", "");
        if (id.isEmpty() || timestamp.isEmpty() || signatures.isEmpty()) return "missing";
        if (id.contains(".") || !timestamp.matches("[0-9]{1,12}")) return "malformed";
        if (Math.abs(now - Long.parseLong(timestamp)) > TOLERANCE) return "time";
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        mac.update((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
        String expected = "v1," + Base64.getEncoder().encodeToString(mac.doFinal(body));
        boolean fits = false;
        for (String given : signatures.split(" ")) {
            fits |= MessageDigest.isEqual(expected.getBytes(StandardCharsets.UTF_8), given.getBytes(StandardCharsets.UTF_8));
        }
        return fits ? null : "signature";
    }

    public static void main(String[] arguments) throws IOException, GeneralSecurityException {
        byte[] input = System.in.readAllBytes();
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        int place = 0;
        for (String line = line(input, place); !line.isEmpty(); line = line(input, place)) {
            place += line.getBytes(StandardCharsets.UTF_8).length + 1;
            int colon = line.indexOf(':');
            headers.put(line.substring(0, colon).trim(), line.substring(colon + 1).trim());
        }
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        body.write(input, place + 1, input.length - place - 1);
        String given = System.getenv("WEBHOOK_NOW");
        long now = given == null ? System.currentTimeMillis() / 1000 : Long.parseLong(given);
        String reason = refusal(System.getenv("WEBHOOK_SECRET"), headers, body.toByteArray(), now);
        System.out.println(reason == null ? "ok" : "refused: " + reason);
    }

    private static String line(byte[] input, int start) {
        int end = start;
        while (input[end] != '\n') end++;
        return new String(input, start, end - start, StandardCharsets.UTF_8);
    }
}
