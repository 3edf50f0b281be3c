"""Writes one row after the other; says {"ack": id, "t": seconds} when a COMMIT was answered.

Settings come as the first line of standard input; its end ends the program. It reconnects for ever
and never writes one id twice, so an id that was acknowledged and is not there was lost.
"""
import json
import select
import sys
import time

import psycopg2
import psycopg2.extensions

settings = json.loads(sys.stdin.readline())
connection = None
row = int(time.time() * 1e6)  # beyond what any writer before used


def wait(c, patience_s=3):
    """Gives up on a server that says nothing. The statement is not cancelled: in synchronous mode a
    cancelled COMMIT is reported as done though no standby has it."""
    end = time.monotonic() + patience_s
    while True:
        state = c.poll()
        if state == psycopg2.extensions.POLL_OK:
            return
        left = end - time.monotonic()
        readers = [c] if state == psycopg2.extensions.POLL_READ else []
        writers = [c] if state == psycopg2.extensions.POLL_WRITE else []
        if left <= 0 or not any(select.select(readers, writers, [], left)):
            raise psycopg2.OperationalError("no answer")


psycopg2.extensions.set_wait_callback(wait)


def connect():
    c = psycopg2.connect(
        host=settings["host"], port=settings["port"], dbname=settings["dbname"], user=settings["user"],
        password=settings["password"], sslmode="require", connect_timeout=2, tcp_user_timeout=1500,
        keepalives_idle=1, keepalives_interval=1, keepalives_count=2)
    c.autocommit = True
    with c.cursor() as cursor:
        cursor.execute("create table if not exists rows (id bigint primary key, at timestamptz default now())")
    return c


def ended():
    return bool(select.select([sys.stdin], [], [], 0)[0]) and sys.stdin.readline() == ""


while not ended():
    try:
        if connection is None:
            connection = connect()
        row += 1
        with connection.cursor() as cursor:
            cursor.execute("insert into rows (id) values (%s)", (row,))
        print(json.dumps({"ack": row, "t": time.time()}), flush=True)
        time.sleep(settings["pause_ms"] / 1000)
    except psycopg2.Error as error:
        print(json.dumps({"error": str(error)[:200]}), flush=True)
        try:
            if connection is not None:
                connection.close()
        except psycopg2.Error:
            pass
        connection = None
        time.sleep(0.1)
