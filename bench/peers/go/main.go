// A relay in Go, as the documentation of its libraries shows it: net/http, crypto/*, and lib/pq or pgx.
//
// Like the other servers of the comparison it has no limits, no metrics and no check of addresses.
package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

const (
	maxBody  = 8192
	windowMs = 5000
)

type call struct {
	Method    string          `json:"a"`
	Data      json.RawMessage `json:"b"`
	Signature string          `json:"c"`
}

type data struct {
	Sender    string `json:"a"`
	SentAt    int64  `json:"b"`
	Recipient string `json:"c"`
}

type subscription struct {
	endpoint     string
	p256dh, auth []byte
}

// refused is the answer to a call that is not relayed.
type refused struct {
	status int
	code   string
}

func (r refused) Error() string { return r.code }

type finder func(ctx context.Context, address []byte, now int64) (subscription, error)

type relay struct {
	find   finder
	pusher *pusher
}

func (r *relay) relay(ctx context.Context, body []byte) error {
	var called call
	var said data
	if err := json.Unmarshal(body, &called); err != nil {
		return refused{400, "not_json"}
	}
	if err := json.Unmarshal(called.Data, &said); err != nil {
		return refused{400, "not_a_call"}
	}
	now := time.Now().UnixMilli()
	if late := now - said.SentAt; late > windowMs || late < -windowMs {
		return refused{409, "stale_timestamp"}
	}
	var text bytes.Buffer
	if err := json.Compact(&text, called.Data); err != nil {
		return refused{400, "not_json"}
	}
	key, err := base64.StdEncoding.DecodeString(said.Sender)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return refused{422, "invalid_call"}
	}
	signature, err := base64.StdEncoding.DecodeString(called.Signature)
	if err != nil || !ed25519.Verify(key, text.Bytes(), signature) {
		return refused{401, "bad_signature"}
	}
	recipient, err := base64.StdEncoding.DecodeString(said.Recipient)
	if err != nil {
		return refused{422, "invalid_call"}
	}
	found, err := r.find(ctx, recipient, now)
	if err != nil {
		return err
	}
	payload, err := json.Marshal(map[string]any{
		"data": map[string]string{"a": called.Method, "b": text.String(), "c": called.Signature},
	})
	if err != nil {
		return err
	}
	urgency := "normal"
	if called.Method == "dial" {
		urgency = "high"
	}
	return r.pusher.push(ctx, found, payload, urgency)
}

func (r *relay) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	began := time.Now()
	var body bytes.Buffer
	_, err := body.ReadFrom(http.MaxBytesReader(w, request.Body, maxBody))
	if err == nil {
		err = r.relay(request.Context(), body.Bytes())
	}
	status, answer := 200, map[string]any{"ok": true, "timestamp": time.Now().UnixMilli()}
	if err != nil {
		status, answer = 500, map[string]any{"ok": false, "code": err.Error()}
		var why refused
		if errors.As(err, &why) {
			status = why.status
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
	log.Printf("%s %s %d %.1f ms", request.Method, request.URL.Path, status, time.Since(began).Seconds()*1000)
}

func main() {
	find, err := openDatabase(os.Args[1], os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	pusher, err := newPusher(os.Getenv("VAPID_PRIVATE_KEY"), os.Getenv("VAPID_PUBLIC_KEY"))
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("go at http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, &relay{find, pusher}))
}
