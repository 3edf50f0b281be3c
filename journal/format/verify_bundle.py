#!/usr/bin/env python3
"""Verifies a PGOBNDL1 bundle with nothing but Python's standard library: every link of the hash
chain and the digests of the footer. It decompresses nothing and trusts none of the operator's code.
The bytes are described in docs/journal-format.md.

usage: verify_bundle.py FILE...        stops at the first that does not
"""
import hashlib
import json
import struct
import sys

HEADER = struct.Struct("<BBHIQQqQ")  # version flags n len first_seq epoch wall_us elapsed_us


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def need(condition, where, why):
    if not condition:
        raise ValueError(f"{where}: {why}")


def varint(data, at):
    value = shift = 0
    while data[at] >= 0x80:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return value | data[at] << shift, at + 1


def root_of(kind, body, count, where):
    """Root hash of the frame's records, given whole, in part, or as the root alone."""
    data, at, leaves = body[40:-32], 0, []
    if kind == b"S":
        need(len(data) == 32, where, "no root")
        return data
    for _ in range(count):
        if kind == b"F":
            length, start = varint(data, at)
            end = start + length
        else:
            tag, start = data[at], at + 1
            need(tag in (0, 1), where, "unknown tag of a record")
            at = start if tag else start + 4
            end = at + (32 if tag else struct.unpack_from("<I", data, start)[0])
        need(end <= len(data), where, "a record passes the end")
        leaves.append(data[at:end] if kind == b"P" and tag else sha(b"\0", data[at:end]))
        at = end
    need(at == len(data), where, "bytes follow the last record")
    return sha(b"\1", *leaves)


def verify(data):
    need(data[:8] == b"PGOBNDL1" and data[8:9] == b"M", "byte 0", "not a bundle")
    length, = struct.unpack_from("<I", data, 9)
    text = data[13:13 + length]
    manifest = json.loads(text)
    chain, due = bytes.fromhex(manifest["start_chain"]), manifest["first_seq"]
    genesis = sha(b"\3pgo journal", bytes.fromhex(manifest["journal_id"]))
    need(due > 1 or chain == genesis, "manifest", "start_chain is not the journal's genesis")
    at, frames, epoch = 13 + length, 0, 0
    while True:
        kind, start = data[at:at + 1], at
        length, = struct.unpack_from("<I", data, at + 1)
        body = data[at + 5:at + 5 + length]
        need(len(body) == length, f"byte {at}", "the file ends inside an entry")
        at += 5 + length
        if kind == b"E":
            break
        need(kind in (b"F", b"P", b"S"), f"byte {start}", "unknown entry")
        version, flags, count, size, first, era, _, _ = HEADER.unpack_from(body)
        where = f"frame {first}..{first + count - 1} at byte {start}"
        need(version == 1 and flags < 2 and count > 0, where, "unknown version or flags")
        need(first == due, where, f"record {due} is due: frames are missing or out of order")
        need(era >= epoch, where, "its epoch goes back")
        need(kind != b"F" or length == 72 + size, where, "wrong length")
        chain = sha(b"\2", chain, body[:40], root_of(kind, body, count, where))
        need(chain == body[-32:], where, "its hash is not the one it states")
        due, epoch, frames = first + count, era, frames + 1
    stated = struct.unpack_from("<QQQ", body)
    need(stated[0] == frames and stated[2] == due - 1, "footer", "does not count these frames")
    need(body[24:56] == chain, "footer", "states another chain")
    need(body[-64:-32] == sha(text), "manifest", "its digest is not the footer's")
    need(body[-32:] == sha(data[:at - 32]), "bundle", "its digest is not the footer's")
    need(data[at:] == struct.pack("<Q", start) + b"PGOBEND1", f"byte {at}", "wrong last bytes")
    return f"ok: journal {manifest['journal_id']}, {frames} frames to record {due - 1}"


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for path in sys.argv[1:]:
        try:
            with open(path, "rb") as file:
                print(f"{path}: {verify(file.read())}")
        except (OSError, ValueError, KeyError, IndexError, TypeError, struct.error) as error:
            sys.exit(f"{path}: NOT VERIFIED: {error}")
