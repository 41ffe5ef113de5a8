package auth_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"golang.org/x/oauth2"

	"github.com/e6data/e6data-go/e6/auth"
)

// The file is read for every login, so that a rotated token needs no restart.
func ExampleFile() {
	dir, err := os.MkdirTemp("", "e6")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "token")
	if err := os.WriteFile(path, []byte("first\n"), 0o600); err != nil {
		log.Fatal(err)
	}
	credentials := auth.User("me@example.com", auth.File(path)) // for e6.Config.Credentials
	for _, next := range []string{"second\n", ""} {
		user, token, err := credentials(context.Background())
		fmt.Println(user, token, err)
		if err := os.WriteFile(path, []byte(next), 0o600); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// me@example.com first <nil>
	// me@example.com second <nil>
}

// A bearer token of OAuth, for e6.Config.Bearer. It is renewed a minute before it expires.
func ExampleOAuth2() {
	source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "access"}) // such as clientcredentials.Config.TokenSource
	token, err := auth.OAuth2(source)(context.Background())
	fmt.Println(token, err)
	// Output: access <nil>
}
