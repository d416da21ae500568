module ironwalraft

go 1.19

require (
	github.com/hashicorp/raft v1.1.2
	ironwal v0.0.0
)

replace ironwal => ../../bindings/go
