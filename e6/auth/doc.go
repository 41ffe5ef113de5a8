// Package auth has functions for e6.Config.Credentials and e6.Config.Bearer.
//
// A user with a token authenticates on each side. A token that rotates comes from a
// file, which is read for every authentication, a command, or a function:
//
//	cfg.Credentials = auth.User("me@example.com", auth.File("/run/secrets/e6-token"))
//
// With OAuth, every call carries an access token, and there is no authentication call:
//
//	cfg.Bearer = auth.OAuth2((&clientcredentials.Config{
//		ClientID: id, ClientSecret: secret, TokenURL: url, Scopes: scopes,
//	}).TokenSource(ctx))
//
// clientcredentials is golang.org/x/oauth2/clientcredentials; its AuthStyle sets
// whether the client authenticates with Basic or in the body.
package auth
