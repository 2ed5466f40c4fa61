// Verify one webhook message by Standard Webhooks, with the standard library alone.
package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const tolerance = 300 // seconds

var plainNumber = regexp.MustCompile(`^[0-9]{1,12}$`)

// Refusal says why a message is refused; it is empty if the message is good. Header names are in lower case.
func Refusal(secret string, headers map[string]string, body []byte, now int64) string {
	encoded := strings.TrimRight(strings.TrimPrefix(secret, "whsec_"), "=")
	key, err := base64.RawStdEncoding.DecodeString(encoded)
	if err != nil || !strings.HasPrefix(secret, "whsec_") || len(key) < 24 {
		return "secret"
	}
	id, timestamp, signatures := headers["webhook-id"], headers["webhook-timestamp"], headers["webhook-signature"]
	if id == "" || timestamp == "" || signatures == "" {
		return "missing"
	}
	if strings.Contains(id, ".") || !plainNumber.MatchString(timestamp) {
		return "malformed"
	}
	seconds, _ := strconv.ParseInt(timestamp, 10, 64)
	if now-seconds > tolerance || seconds-now > tolerance {
		return "time"
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	expected := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	fits := false
	for _, given := range strings.Split(signatures, " ") {
		if hmac.Equal([]byte(given), expected) {
			fits = true
		}
	}
	if !fits {
		return "signature"
	}
	return ""
}

func main() {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	head, body, _ := bytes.Cut(input, []byte("\n\n"))
	headers := map[string]string{}
	for _, line := range strings.Split(string(head), "\n") {
		name, value, _ := strings.Cut(line, ":")
		headers[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	now := time.Now().Unix()
	if given := os.Getenv("WEBHOOK_NOW"); given != "" {
		if now, err = strconv.ParseInt(given, 10, 64); err != nil {
			panic(err)
		}
	}
	if reason := Refusal(os.Getenv("WEBHOOK_SECRET"), headers, body, now); reason != "" {
		fmt.Println("refused: " + reason)
		return
	}
	fmt.Println("ok")
}
