module github.com/acme/ship/v2

go 1.22

require (
	github.com/jackc/pgx/v5 v5.5.0
	github.com/redis/go-redis/v9 v9.0.0 // indirect
)
