// Package auth makes what e6.Config.Credentials and e6.Config.Bearer call.
//
// A user with a token logs in on each side. Where the token may change, it comes
// from a file that is read again, a command, or a function:
//
//	cfg.Credentials = auth.User("me@example.com", auth.File("/run/secrets/e6-token"))
//
// With OAuth every call carries an access token, and there are no logins:
//
//	cfg.Bearer = auth.OAuth2((&clientcredentials.Config{
//		ClientID: id, ClientSecret: secret, TokenURL: url, Scopes: scopes,
//	}).TokenSource(ctx))
//
// clientcredentials is golang.org/x/oauth2/clientcredentials; its AuthStyle sets
// whether the client authenticates with Basic or in the body.
package auth
