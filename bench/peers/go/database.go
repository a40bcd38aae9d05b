package main

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
	_ "github.com/lib/pq"
)

const (
	poolSize = 10
	find     = "SELECT endpoint, p256dh, auth FROM subscription WHERE address = $1 AND expires_at > $2"
)

var unknown = refused{404, "unknown_recipient"}

// openDatabase returns what finds a subscription, by the driver that is named.
func openDatabase(driver, url string) (finder, error) {
	if driver == "pgx" {
		return openPgx(url)
	}
	return openPq(url)
}

func openPgx(url string) (finder, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = poolSize
	pool, err := pgxpool.ConnectConfig(context.Background(), config)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, address []byte, now int64) (found subscription, err error) {
		err = pool.QueryRow(ctx, find, address, now).Scan(&found.endpoint, &found.p256dh, &found.auth)
		if errors.Is(err, pgx.ErrNoRows) {
			err = unknown
		}
		return
	}, nil
}

func openPq(url string) (finder, error) {
	database, err := sql.Open("postgres", url)
	if err != nil {
		return nil, err
	}
	database.SetMaxOpenConns(poolSize)
	database.SetMaxIdleConns(poolSize)
	prepared, err := database.Prepare(find)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, address []byte, now int64) (found subscription, err error) {
		err = prepared.QueryRowContext(ctx, address, now).Scan(&found.endpoint, &found.p256dh, &found.auth)
		if errors.Is(err, sql.ErrNoRows) {
			err = unknown
		}
		return
	}, nil
}
