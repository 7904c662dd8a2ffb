import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.storage.streams import CountedStream, HashedStream, Outbox, cut_chunks, join_chunks

CHUNKS = st.lists(st.binary(max_size=20), max_size=20)


@given(CHUNKS)
def test_what_passes_is_counted_and_hashed(chunks):
    stream = HashedStream(chunks)
    assert list(stream) == chunks
    body = b"".join(chunks)
    assert (stream.chunks, stream.size) == (len(chunks), len(body))
    assert stream.sha256 == hashlib.sha256(body).hexdigest()


def test_what_was_pulled_is_not_given_again_and_the_rest_counts():
    stream = CountedStream(iter([b"ab", b"c", b"def"]))
    assert next(stream) == b"ab"
    stream.drain()
    assert (stream.size, list(stream)) == (6, [])


def test_what_the_source_raises_passes_and_is_kept():
    def source():
        yield b"ab"
        raise ConnectionError("cut")

    stream = CountedStream(source())
    with pytest.raises(ConnectionError) as raised:
        stream.drain()
    assert stream.failure is raised.value
    assert stream.size == 2


@given(CHUNKS, st.integers(1, 9))
def test_parts_are_of_one_size_but_the_last(chunks, size):
    parts = list(cut_chunks(chunks, size))
    assert b"".join(parts) == b"".join(chunks)
    assert all(len(part) == size for part in parts[:-1])
    assert all(0 < len(part) <= size for part in parts[-1:])


@given(CHUNKS, st.integers(1, 9))
def test_joined_chunks_are_not_cut(chunks, at_least):
    joined = list(join_chunks(chunks, at_least))
    assert b"".join(joined) == b"".join(chunks)
    assert all(len(part) >= at_least for part in joined[:-1])
    assert all(joined)


def test_an_outbox_gives_what_was_written_since_the_last_time():
    outbox = Outbox()
    assert outbox.take() == b""
    outbox.write(b"ab")
    outbox.write(memoryview(b"c"))
    assert (outbox.take(), outbox.take(), outbox.tell()) == (b"abc", b"", 3)
