// Package stores opens the store that a URL names.
package stores

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/e6data/e6data-go/e6/config"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/e6/store/etcd"
)

// Env is the environment variable that names the store if no flag does.
const Env = config.EnvPrefix + "STORE"

// Forms lists the forms of a store's name.
const Forms = "etcd://HOST:PORT[,HOST:PORT...][/NAMESPACE], the same with etcds:// for TLS, or file:[DIRECTORY]"

// The environment variables from which the rest of etcd's configuration comes. They
// are those of etcdctl.
const (
	EnvUser     = "ETCDCTL_USER" // a name, or name:password
	EnvPassword = "ETCDCTL_PASSWORD"
	EnvCA       = "ETCDCTL_CACERT"
	EnvCert     = "ETCDCTL_CERT"
	EnvKey      = "ETCDCTL_KEY"
)

// Passwords are the secrets of these variables, as far as they are set.
func Passwords() []string {
	_, password, _ := strings.Cut(os.Getenv(EnvUser), ":")
	return []string{password, os.Getenv(EnvPassword)}
}

// Error is returned for an invalid name of a store.
type Error struct {
	// Problem never holds a password.
	Problem string
}

// Error implements error.
func (e *Error) Error() string { return "--store: " + e.Problem }

// Open opens the store that a URL names. Close it after its clients. It waits for
// etcd only if there is a user to log in.
func Open(name string) (opened store.Store, closed func() error, err error) {
	scheme, rest, found := strings.Cut(name, ":")
	switch scheme {
	case "file":
		files, err := store.OpenFile(store.FileOptions{Dir: directory(rest)})
		if err != nil {
			return nil, nil, err
		}
		return files, files.Close, nil
	case "etcd", "etcds":
		cfg, namespace, err := etcdConfig(scheme == "etcds", rest)
		if err != nil {
			return nil, nil, err
		}
		var opts []etcd.Option
		if namespace != "" {
			opts = append(opts, etcd.WithNamespace(namespace))
		}
		fleet, err := etcd.Open(cfg, opts...)
		if err != nil {
			return nil, nil, err
		}
		return fleet, fleet.Close, nil
	}
	if !found {
		return nil, nil, &Error{fmt.Sprintf("%q has no scheme: want %s", name, Forms)}
	}
	return nil, nil, &Error{fmt.Sprintf("%q is no kind of store: want %s", scheme+":", Forms)} // the rest may hold a password
}

// directory is the one of file:DIR and of file:///DIR; none means the usual one.
func directory(rest string) string {
	if path, ok := strings.CutPrefix(rest, "//"); ok {
		if decoded, err := url.PathUnescape(path); err == nil {
			return decoded
		}
	}
	return rest
}

// etcdConfig reads what follows the scheme. Several hosts are not what package url can
// read.
func etcdConfig(secure bool, rest string) (cfg clientv3.Config, namespace string, err error) {
	scheme := map[bool]string{false: "http://", true: "https://"}[secure]
	rest, found := strings.CutPrefix(rest, "//")
	hosts, path, _ := strings.Cut(rest, "/")
	switch {
	case !found || hosts == "":
		return cfg, "", &Error{"the hosts of etcd are missing: want " + Forms}
	case strings.Contains(hosts, "@"):
		return cfg, "", &Error{"a user and a password do not belong into the URL, which others can see: set " + EnvUser + " and " + EnvPassword}
	case strings.ContainsAny(rest, "?#"):
		return cfg, "", &Error{"the URL has a ? or a #: want " + Forms}
	}
	local := true
	for endpoint := range strings.SplitSeq(hosts, ",") {
		host, port, err := net.SplitHostPort(endpoint)
		if err != nil || host == "" || port == "" {
			return cfg, "", &Error{fmt.Sprintf("%q: want HOST:PORT", endpoint)}
		}
		local = local && (host == "localhost" || net.ParseIP(host).IsLoopback())
		cfg.Endpoints = append(cfg.Endpoints, scheme+endpoint)
	}
	if path = strings.Trim(path, "/"); path != "" {
		if namespace, err = url.PathUnescape(path); err != nil {
			return cfg, "", &Error{fmt.Sprintf("the namespace %q: %v", path, err)}
		}
		namespace += "/"
	}
	name, password, _ := strings.Cut(os.Getenv(EnvUser), ":")
	cfg.Username, cfg.Password = name, cmp.Or(os.Getenv(EnvPassword), password)
	if cfg.Username != "" && !secure && !local {
		return cfg, "", &Error{"the password of " + EnvUser + " would cross the network in clear text: use etcds://"}
	}
	if secure {
		cfg.TLS, err = tlsConfig()
	}
	return cfg, namespace, err
}

func tlsConfig() (*tls.Config, error) {
	files := transport.TLSInfo{TrustedCAFile: os.Getenv(EnvCA), CertFile: os.Getenv(EnvCert), KeyFile: os.Getenv(EnvKey)}
	if (files.CertFile == "") != (files.KeyFile == "") {
		return nil, &Error{"a certificate needs its key: set both " + EnvCert + " and " + EnvKey + ", or none of them"}
	}
	cfg, err := files.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("the TLS files of etcd (%s, %s, %s): %w", EnvCA, EnvCert, EnvKey, err)
	}
	cfg.MinVersion = tls.VersionTLS12
	return cfg, nil
}
