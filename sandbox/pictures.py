"""Tell a picture or sound by its first bytes; the platforms trust bytes, not names."""

SIGNATURES = (
    (b"\xff\xd8\xff", "jpg", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png", "image/png"),
    (b"GIF8", "gif", "image/gif"),
    (b"BM", "bmp", "image/bmp"),
    (b"ID3", "mp3", "audio/mpeg"),
    (b"\xff\xfb", "mp3", "audio/mpeg"),
    (b"#!AMR", "amr", "audio/amr"),
    (b"RIFF", "wav", "audio/wav"),
)


def recognise(content: bytes) -> tuple[str, str]:
    """(short type, MIME type), `("", "application/octet-stream")` when unknown."""
    for start, kind, mime in SIGNATURES:
        if content.startswith(start):
            return kind, mime
    if content[4:8] == b"ftyp":
        return "mp4", "video/mp4"
    return "", "application/octet-stream"
