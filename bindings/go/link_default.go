//go:build !ironwal_pkgconfig

// Where the C library is: CGO_CFLAGS and CGO_LDFLAGS say so, or it is installed for all.

package ironwal

// #cgo LDFLAGS: -lironwal
import "C"
