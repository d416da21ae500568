module ironwal

go 1.19
