package main

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	recordSize = 4096
	tokenLife  = 12 * time.Hour
	perHost    = 64
)

// pusher sends Web Push messages (RFC 8030), encrypted (RFC 8291) and signed (RFC 8292).
type pusher struct {
	client http.Client
	key    *ecdsa.PrivateKey
	public string

	mutex  sync.Mutex
	tokens map[string]string // by origin; made once, as the RFC advises
}

func newPusher(private, public string) (*pusher, error) {
	raw, err := base64.RawURLEncoding.DecodeString(private)
	if err != nil {
		return nil, err
	}
	key := &ecdsa.PrivateKey{D: new(big.Int).SetBytes(raw)}
	key.Curve = elliptic.P256()
	key.X, key.Y = key.Curve.ScalarBaseMult(raw)
	transport := &http.Transport{MaxIdleConnsPerHost: perHost, MaxConnsPerHost: perHost}
	return &pusher{client: http.Client{Transport: transport}, key: key, public: public, tokens: map[string]string{}}, nil
}

func (p *pusher) push(ctx context.Context, to subscription, payload []byte, urgency string) error {
	body, err := encrypt(to, payload)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	token, err := p.token(request.URL)
	if err != nil {
		return err
	}
	request.Header.Set("TTL", "60")
	request.Header.Set("Urgency", urgency)
	request.Header.Set("Content-Encoding", "aes128gcm")
	request.Header.Set("Content-Type", "application/octet-stream")
	request.Header.Set("Authorization", fmt.Sprintf("vapid t=%s, k=%s", token, p.public))
	response, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		return refused{502, "push_refused"}
	}
	return nil
}

func (p *pusher) token(endpoint *url.URL) (string, error) {
	origin := endpoint.Scheme + "://" + endpoint.Host
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if token, ok := p.tokens[origin]; ok {
		return token, nil
	}
	claims := fmt.Sprintf(`{"aud":%q,"exp":%d,"sub":"mailto:operator@example.org"}`, origin, time.Now().Add(tokenLife).Unix())
	signed := encode([]byte(`{"typ":"JWT","alg":"ES256"}`)) + "." + encode([]byte(claims))
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, digest[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	p.tokens[origin] = signed + "." + encode(signature)
	return p.tokens[origin], nil
}

func encrypt(to subscription, payload []byte) ([]byte, error) {
	browser, err := ecdh.P256().NewPublicKey(to.p256dh)
	if err != nil {
		return nil, err
	}
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	shared, err := key.ECDH(browser)
	if err != nil {
		return nil, err
	}
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return nil, err
	}
	point := key.PublicKey().Bytes()
	secret, err := hkdf.Key(sha256.New, shared, to.auth, "WebPush: info\x00"+string(to.p256dh)+string(point), 32)
	if err != nil {
		return nil, err
	}
	extracted, err := hkdf.Extract(sha256.New, secret, salt)
	if err != nil {
		return nil, err
	}
	content, err := hkdf.Expand(sha256.New, extracted, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, err
	}
	nonce, err := hkdf.Expand(sha256.New, extracted, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(content)
	if err != nil {
		return nil, err
	}
	sealer, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	head := append(salt, 0, 0, recordSize>>8, recordSize&0xff, byte(len(point)))
	return sealer.Seal(append(head, point...), nonce, append(payload, 2), nil), nil
}

func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }
