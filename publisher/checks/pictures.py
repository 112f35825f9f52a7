"""Pictures: the real type is sniffed, size and dimensions bounded, bombs refused, EXIF and text chunks removed."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

from core.errors import CheckFailed
from core.ports import Problem

MIMES = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "GIF": "image/gif"}
SIZE_LIMIT = 10 * 1024 * 1024  # bytes; WeChat's library takes no more
SIDE_LIMIT = 10_000  # pixels
AREA_LIMIT = 40_000_000  # pixels; what one decoder call may unpack
ORIENTATION = 0x0112
PNG_TEXT = frozenset({b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME"})

# Pillow warns between the limit and twice the limit and raises above; both are refusals here.
Image.MAX_IMAGE_PIXELS = AREA_LIMIT
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


@dataclass(frozen=True)
class Picture:
    """A picture fit to be stored: its bytes carry no EXIF, place or comment any more."""

    content: bytes
    mime: str
    width: int
    height: int

    @property
    def sha256(self) -> str:
        """The name a picture is stored under: hex SHA-256 of its bytes."""
        return hashlib.sha256(self.content).hexdigest()


def examine(content: bytes) -> Picture:
    """Check the bytes of one upload and take place and device out of them; CheckFailed names the fix in Chinese."""
    if not content:
        raise _refuse("图片是空的，请重新选择文件。", "picture_empty")
    if len(content) > SIZE_LIMIT:
        shown = f"{len(content) / 1024 / 1024:.1f}"
        raise _refuse(f"图片有 {shown} MB，超过 10 MB，请压缩后再上传。", "picture_large")
    image = _decode(content)
    mime = MIMES[image.format or ""]
    if mime == "image/jpeg":
        content = _clean_jpeg(content, image)
    elif mime == "image/png":
        content = _clean_png(content)
    width, height = Image.open(io.BytesIO(content)).size
    return Picture(content, mime, width, height)


def _decode(content: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(content), formats=["JPEG", "PNG", "GIF"])
        if max(image.size) > SIDE_LIMIT or image.width * image.height > AREA_LIMIT:
            shown = f"{image.width}×{image.height}"
            fix = f"图片尺寸 {shown} 太大，长边不得超过 {SIDE_LIMIT} 像素、总像素不得超过 4000 万，请缩小后再上传。"
            raise _refuse(fix, "picture_dimensions")
        image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _refuse("图片像素太多，可能是异常文件，请换一张图片。", "picture_bomb") from None
    except UnidentifiedImageError:
        raise _refuse("这不是 JPG、PNG 或 GIF 图片，请转换格式后再上传。", "picture_type") from None
    except (OSError, SyntaxError, ValueError):  # Pillow's words for a damaged file
        raise _refuse("图片文件已损坏，打不开，请重新导出后再上传。", "picture_broken") from None
    return image


def _clean_jpeg(content: bytes, image: Image.Image) -> bytes:
    """Without application and comment segments, bit for bit; turned upright and encoded anew where EXIF turns it."""
    if image.format == "MPO" or image.getexif().get(ORIENTATION, 1) != 1:
        upright = ImageOps.exif_transpose(image)
        out = io.BytesIO()
        upright.convert("RGB").save(out, "JPEG", quality=92, icc_profile=image.info.get("icc_profile"))
        return out.getvalue()
    return _without_segments(content)


def _without_segments(content: bytes) -> bytes:
    kept, place = [content[:2]], 2
    while place + 4 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if marker == 0xDA:  # start of scan: the rest is picture
            break
        end = place + 2 + int.from_bytes(content[place + 2 : place + 4], "big")
        private = marker == 0xE1 or 0xE3 <= marker <= 0xED or marker in {0xEF, 0xFE}  # keeps JFIF, ICC and Adobe
        if not private:
            kept.append(content[place:end])
        place = end
    return b"".join([*kept, content[place:]])


def _clean_png(content: bytes) -> bytes:
    kept, place = [content[:8]], 8
    while place + 12 <= len(content):
        end = place + 12 + int.from_bytes(content[place : place + 4], "big")
        if content[place + 4 : place + 8] not in PNG_TEXT:
            kept.append(content[place:end])
        if content[place + 4 : place + 8] == b"IEND":
            break
        place = end
    return b"".join(kept)


def _refuse(text: str, code: str) -> CheckFailed:
    return CheckFailed([Problem("picture", text, code=code)])
