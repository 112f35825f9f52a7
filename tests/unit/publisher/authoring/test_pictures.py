"""Pictures: what is refused and why, and that nothing but the picture itself is kept."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from core.errors import CheckFailed
from publisher.checks import examine, pictures

GPS = 0x8825


def encode(kind: str, size: tuple[int, int] = (40, 30), **options: object) -> bytes:
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(out, kind, **options)
    return out.getvalue()


def code_of(content: bytes) -> str:
    with pytest.raises(CheckFailed) as failure:
        examine(content)
    (problem,) = failure.value.problems
    assert problem.field == "picture"
    return problem.code


def png_header(width: int, height: int) -> bytes:
    """A tiny PNG file that claims to be that large."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(("kind", "mime"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("GIF", "image/gif")])
def test_the_real_type_and_size_are_read_from_the_bytes(kind: str, mime: str) -> None:
    picture = examine(encode(kind))
    assert (picture.mime, picture.width, picture.height) == (mime, 40, 30)
    assert Image.open(io.BytesIO(picture.content)).size == (40, 30)


@pytest.mark.parametrize("content", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"<script>1</script>"])
def test_what_is_not_a_picture_is_refused_whatever_it_is_called(content: bytes) -> None:
    assert code_of(content) == "picture_type"


def test_other_picture_formats_are_refused() -> None:
    assert code_of(encode("BMP")) == "picture_type"
    assert code_of(encode("WEBP")) == "picture_type"


def test_an_empty_or_broken_file_is_refused() -> None:
    assert code_of(b"") == "picture_empty"
    assert code_of(encode("JPEG", (400, 300))[:900]) == "picture_broken"


def test_a_file_over_the_size_limit_is_refused() -> None:
    assert code_of(encode("PNG") + b"\0" * pictures.SIZE_LIMIT) == "picture_large"


def test_a_side_over_the_limit_is_refused() -> None:
    assert code_of(png_header(pictures.SIDE_LIMIT + 1, 10)) == "picture_dimensions"


@pytest.mark.parametrize("size", [(7000, 7000), (60000, 60000)])
def test_a_decompression_bomb_is_refused_before_it_is_unpacked(size: tuple[int, int]) -> None:
    assert code_of(png_header(*size)) == "picture_bomb"


def test_place_device_and_comments_are_taken_out_of_a_photo_bit_for_bit() -> None:
    exif = Image.Exif()
    exif[0x010F] = "某品牌手机"
    exif.get_ifd(GPS)[1] = "N"
    exif.get_ifd(GPS)[2] = (39.0, 54.0, 20.0)
    plain = encode("JPEG", quality=80)
    tagged = io.BytesIO()
    image = Image.open(io.BytesIO(plain))
    image.save(tagged, "JPEG", quality="keep", exif=exif, comment=b"taken at home")
    cleaned = examine(tagged.getvalue())
    shown = Image.open(io.BytesIO(cleaned.content))
    assert not dict(shown.getexif())
    assert "comment" not in shown.info
    assert b"taken at home" not in cleaned.content
    assert shown.tobytes() == Image.open(tagged).tobytes()


def test_a_photo_that_exif_turns_is_stored_upright() -> None:
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = 6
    picture = examine(encode("JPEG", (40, 30), exif=exif))
    assert (picture.width, picture.height) == (30, 40)
    assert not dict(Image.open(io.BytesIO(picture.content)).getexif())


def test_text_and_exif_are_taken_out_of_a_png() -> None:
    from PIL.PngImagePlugin import PngInfo

    notes = PngInfo()
    notes.add_text("Author", "张三")
    exif = Image.Exif()
    exif[0x010F] = "某品牌手机"
    picture = examine(encode("PNG", pnginfo=notes, exif=exif))
    shown = Image.open(io.BytesIO(picture.content))
    shown.load()
    assert shown.info.get("Author") is None
    assert not dict(shown.getexif())
    assert b"tEXt" not in picture.content
    assert b"eXIf" not in picture.content


def test_the_same_picture_has_the_same_name() -> None:
    content = encode("PNG")
    assert examine(content).sha256 == examine(content).sha256
