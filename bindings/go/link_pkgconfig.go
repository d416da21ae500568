//go:build ironwal_pkgconfig

// Where the C library is: pkg-config says so.

package ironwal

// #cgo pkg-config: ironwal
import "C"
