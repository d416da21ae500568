module ironwal.example/journal

go 1.19
