package ironwalraft

import (
	"os"
	"testing"
)

// The test program is also the program of the processes that the tests start and kill.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv(killPath) != "":
		killedChild(os.Getenv(killPath))
	case os.Getenv(nodeNumber) != "":
		runNode()
	default:
		os.Exit(m.Run())
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
