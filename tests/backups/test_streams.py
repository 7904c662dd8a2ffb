"""Streams: there and back, damage of every kind, errors that pass through, memory that stays flat."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.backups.manifest import BackupDamagedError, BackupError
from include.backups.streams import ChunkReader, compress, decompress, decrypt, encrypt

ROOT = Path(__file__).parents[2]
chunked = st.lists(st.binary(max_size=70_000), max_size=6)


@pytest.fixture(scope="module")
def recipient(identity) -> str:
    import pyrage

    return str(pyrage.x25519.Identity.from_str(identity).to_public())


@given(chunked)
def test_what_goes_in_comes_out(chunks):
    assert b"".join(decompress(compress(chunks))) == b"".join(chunks)


def test_encryption_there_and_back(identity, recipient):
    source = random.Random(1)
    for sizes in ([], [0], [1], [65_536], [65_537, 3, 1_000_000], [8192] * 40):
        chunks = [source.randbytes(size) for size in sizes]
        hidden = list(encrypt(chunks, recipient))
        assert b"".join(decrypt(hidden, identity)) == b"".join(chunks)


@given(chunked, st.lists(st.integers(-1, 100_000), max_size=5))
def test_a_reader_reads_like_a_file(chunks, sizes):
    from io import BytesIO

    reader, file = ChunkReader(chunks), BytesIO(b"".join(chunks))
    for size in sizes:
        assert reader.read(size) == file.read(size)


@pytest.mark.parametrize("place", [0.0, 0.3, 0.999])
def test_a_flipped_bit_is_found_under_encryption(place, identity, recipient):
    hidden = bytearray(b"".join(encrypt([os.urandom(300_000)], recipient)))
    hidden[int(place * len(hidden))] ^= 1
    with pytest.raises(BackupDamagedError, match="cannot be decrypted"):
        list(decrypt([bytes(hidden)], identity))


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.99])
def test_a_cut_is_found_under_encryption(share, identity, recipient):
    hidden = b"".join(encrypt([os.urandom(300_000)], recipient))
    with pytest.raises(BackupDamagedError):
        list(decrypt([hidden[: int(share * len(hidden))]], identity))


def test_another_key_does_not_open_it(recipient):
    import pyrage

    hidden = list(encrypt([b"secret"], recipient))
    with pytest.raises(BackupDamagedError, match="cannot be decrypted"):
        list(decrypt(hidden, str(pyrage.x25519.Identity.generate())))


def test_keys_that_are_none_are_refused_and_not_repeated(identity):
    with pytest.raises(BackupError, match="backup_recipient is no public age key"):
        encrypt([], "age1nonsense")
    with pytest.raises(BackupError, match="no age key") as refused:
        decrypt([], identity.replace("1", "2"))
    assert identity[20:] not in str(refused.value)


def test_garbage_is_no_zstd():
    with pytest.raises(BackupDamagedError, match="cannot be decompressed"):
        list(decompress([b"no zstd at all" * 100]))


def test_a_flipped_bit_inside_a_zstd_frame_is_found():
    packed = bytearray(b"".join(compress([os.urandom(1 << 20)])))
    packed[len(packed) // 2] ^= 1
    with pytest.raises(BackupDamagedError):
        list(decompress([bytes(packed)]))


@pytest.mark.parametrize("step", [compress, lambda chunks: encrypt(chunks, RECIPIENT)])
def test_an_error_upstream_passes_through_as_it_is(step):
    def failing():
        yield os.urandom(100_000)
        raise KeyError("upstream")

    with pytest.raises(KeyError, match="upstream"):
        list(step(failing()))


RECIPIENT = "age1kwrddcx2csqvexae3xpfcuqdhs8ezqx55lem6n54yh3pp9kksf5qkvy9ah"


def test_closing_early_closes_what_is_upstream(recipient):
    closed = []

    def endless():
        try:
            while True:
                yield os.urandom(100_000)
        finally:
            closed.append(True)

    stream = encrypt(endless(), recipient)
    next(stream)
    stream.close()
    assert closed == [True]


def test_memory_stays_flat():
    """300 MB through compression, encryption and back: the process grows by a few chunks."""
    program = """
import os, resource
from include.backups.streams import compress, decompress, decrypt, encrypt
import pyrage
key = pyrage.x25519.Identity.generate()
block = os.urandom(1 << 20)
def once(chunks):
    hidden = encrypt(compress(block for _ in range(chunks)), str(key.to_public()))
    return sum(len(chunk) for chunk in decompress(decrypt(hidden, str(key))))
once(40)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert once(300) == 300 << 20
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert int(done.stdout) < 30_000, "KiB"


def test_what_compresses_a_thousandfold_comes_out_in_chunks():
    zeros = (bytes(1 << 20) for _ in range(64))
    assert {len(chunk) for chunk in decompress(compress(zeros))} == {1 << 20}
