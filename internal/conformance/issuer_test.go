package conformance

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// bearer is the access token that the emulator takes over OAuth.
const bearer = "a-token-of-a-test"

// clientID and clientSecret are the credentials that an issuer takes.
const clientID, clientSecret = "a-client", "a-secret"

// An issuer is an authorization server on a loopback address: it gives out access tokens for the
// credentials of a client (RFC 6749, section 4.4).
type issuer struct {
	// token is where every token is the one that the emulator takes. At stale the first one is another.
	token, stale string
	// roots is a PEM file with its certificate.
	roots string
}

func startIssuer(t testing.TB) issuer {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) { grant(w, r, bearer) })
	first := make(chan string, 1)
	first <- "a-token-that-has-ended"
	mux.HandleFunc("POST /stale", func(w http.ResponseWriter, r *http.Request) {
		token := bearer
		select {
		case token = <-first:
		default:
		}
		grant(w, r, token)
	})
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	roots := filepath.Join(scratch(t), "issuer.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, os.WriteFile(roots, text, 0o644))
	return issuer{token: server.URL + "/token", stale: server.URL + "/stale", roots: roots}
}

// grant answers a request for a token.
func grant(w http.ResponseWriter, r *http.Request, token string) {
	w.Header().Set("Content-Type", "application/json")
	id, secret, ok := r.BasicAuth()
	switch {
	case !ok || id != clientID || secret != clientSecret:
		w.WriteHeader(http.StatusUnauthorized)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_client"})
	case r.PostFormValue("grant_type") != "client_credentials":
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "unsupported_grant_type"})
	default:
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 3600})
	}
}
