package etcd

import (
	"net/url"
	"strings"
)

// The layout of the keys: see the documentation of the package. The names of
// clusters and clients are escaped as parts of a URL's path are, so that they
// hold no slash, differ when the names differ, and can be read.
const (
	recordPrefix = "e6/v1/fact/"
	clientPrefix = "e6/v1/client/"
)

func recordKey(cluster string) string { return recordPrefix + url.PathEscape(cluster) }

// clientsKey is what the keys of a cluster's clients begin with. It ends with a
// slash: a cluster "a" must not list the clients of a cluster "ab".
func clientsKey(cluster string) string { return clientPrefix + url.PathEscape(cluster) + "/" }

func clientKey(cluster, id string) string { return clientsKey(cluster) + url.PathEscape(id) }

// clientID is the name at the end of a client's key, and "" if it is none.
func clientID(key string) string {
	id, err := url.PathUnescape(key[strings.LastIndexByte(key, '/')+1:])
	if err != nil {
		return ""
	}
	return id
}
