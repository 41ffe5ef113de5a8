package wire

import (
	"context"

	"google.golang.org/grpc/credentials"
)

// Bearer returns the bearer token of a call. It is called for each call, so it should
// return a cached token most of the time.
type Bearer func(ctx context.Context) (token string, err error)

var _ credentials.PerRPCCredentials = Bearer(nil)

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (b Bearer) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	token, err := b(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]string{"authorization": "Bearer " + token}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials: a token is
// never sent in clear text.
func (Bearer) RequireTransportSecurity() bool { return true }
