"""Records of a bundle with their payloads, read as docs/journal-format.md describes them."""

import ctypes
import struct

ZSTD = ctypes.CDLL("libzstd.so.1")
for name, result, arguments in (
        ("ZSTD_createDCtx", ctypes.c_void_p, ()),
        ("ZSTD_freeDCtx", ctypes.c_size_t, (ctypes.c_void_p,)),
        ("ZSTD_DCtx_refPrefix", ctypes.c_size_t, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)),
        ("ZSTD_decompressDCtx", ctypes.c_size_t,
         (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)),
        ("ZSTD_getFrameContentSize", ctypes.c_ulonglong, (ctypes.c_char_p, ctypes.c_size_t))):
    getattr(ZSTD, name).restype = result
    getattr(ZSTD, name).argtypes = arguments


def inflate(stored, prefix=None):
    size = ZSTD.ZSTD_getFrameContentSize(stored, len(stored))
    out = ctypes.create_string_buffer(max(size, 1))
    context = ZSTD.ZSTD_createDCtx()
    if prefix is not None:
        ZSTD.ZSTD_DCtx_refPrefix(context, prefix, len(prefix))
    written = ZSTD.ZSTD_decompressDCtx(context, out, size, stored, len(stored))
    ZSTD.ZSTD_freeDCtx(context)
    if written != size:
        raise ValueError("a payload cannot be decompressed")
    return out.raw[:size]


def varint(data, at):
    value = shift = 0
    while data[at] >= 0x80:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return value | data[at] << shift, at + 1


def record(data, seq, payloads):
    """(type, subjects, payload) of one record without its length."""
    fields, at = [], 0
    for _ in range(5):
        value, at = varint(data, at)
        fields.append(value)
    kind, _, codec, _, base = fields
    count, at = varint(data, at)
    for _ in range(count):
        _, at = varint(data, at)
    count, at = varint(data, at)
    subjects = []
    for _ in range(count):
        size, at = varint(data, at)
        subjects.append(data[at:at + size].decode())
        at += size
    size, at = varint(data, at)
    stored = data[at + size:]
    payload = stored if codec == 0 else inflate(stored, payloads[seq - base] if codec == 2 else None)
    return kind, subjects, payload


def records(data):
    """(seq, type, subjects, payload) of every record of a bundle that leaves none out."""
    at, payloads = 13 + struct.unpack_from("<I", data, 9)[0], {}
    while data[at:at + 1] == b"F":
        length, = struct.unpack_from("<I", data, at + 1)
        body = data[at + 5:at + 5 + length]
        at += 5 + length
        count, first = struct.unpack_from("<H", body, 2)[0], struct.unpack_from("<Q", body, 8)[0]
        place = 40
        for seq in range(first, first + count):
            size, place = varint(body, place)
            kind, subjects, payloads[seq] = record(body[place:place + size], seq, payloads)
            place += size
            yield seq, kind, subjects, payloads[seq]
